//! The files that a configuration is read from: the document, its variables, and the price list.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ditto_policy::document::{Backend, Format, Loaded, Problem, load_beside, written};
use ditto_pricing::{PriceTable, Skipped};
use serde_json::{Value, json};

use super::redirect_file;
use crate::environment::ProcessEnvironment;
use crate::pem::{self, PairFlaw};

/// A document or a price file may be this large.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;

/// Where the configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// gateway.json or gateway.yaml.
    pub path: PathBuf,
    /// Variables that go before the environment's.
    pub dotenv: Option<PathBuf>,
    /// LiteLLM's price file.
    pub pricing_litellm: Option<PathBuf>,
    /// A file of redirects, beside those of the document.
    pub redirects: Option<PathBuf>,
    /// The providers that were made over the API.
    pub providers: Providers,
}

/// Backends that do not stand in the document; every clone sees a change.
#[derive(Debug, Clone, Default)]
pub struct Providers(Arc<RwLock<Arc<Vec<Backend>>>>);

impl Providers {
    /// Those there are.
    pub fn all(&self) -> Arc<Vec<Backend>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes these the only ones, for documents that are read from now on.
    pub fn replace(&self, providers: Vec<Backend>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(providers);
    }
}

/// Everything that was read, checked.
#[derive(Debug)]
pub struct Configured {
    /// The document.
    pub loaded: Loaded,
    /// The document as it is written, with its references. It may hold secrets.
    pub written: Value,
    /// What models cost; `None` when nobody named a price file.
    pub prices: Option<Prices>,
}

/// What a price file gave.
#[derive(Debug, Clone)]
pub struct Prices {
    /// Prices by model: rows that are priced by tokens.
    pub table: PriceTable,
    /// Rows of the file without such a price.
    pub skipped: Skipped,
}

impl Prices {
    /// The counts, for the operator.
    pub fn status(&self) -> Value {
        json!({"models": self.table.len(), "skipped": self.skipped.count()})
    }

    /// One line for the log.
    pub fn summary(&self) -> String {
        format!("{} models priced, {}", self.table.len(), self.skipped)
    }
}

impl Source {
    /// Reads, expands and checks everything. All problems at once.
    pub fn load(&self) -> Result<Configured, Vec<Problem>> {
        let text = read_text(&self.path).map_err(|error| vec![Problem::new(self.path.display(), error)]);
        self.load_with(text.as_deref(), Format::of_path(&self.path.to_string_lossy()))
    }

    /// The same for a document that does not come from the file. Variables and prices do.
    pub fn load_text(&self, text: &str, format: Option<Format>) -> Result<Configured, Vec<Problem>> {
        self.load_with(Ok(text), format)
    }

    fn load_with(&self, text: Result<&str, &Vec<Problem>>, format: Option<Format>) -> Result<Configured, Vec<Problem>> {
        let environment = ProcessEnvironment::load(self.dotenv.as_deref());
        let document = environment.map_err(|error| vec![Problem::new("", error)]).and_then(|environment| {
            let text = text.map_err(Clone::clone)?;
            let mut loaded = load_beside(text, format, &environment, &self.providers.all())?;
            check_tls(&loaded.document.backends)?;
            if let Some(path) = &self.redirects {
                redirect_file::add(path, &read_text(path), &mut loaded.document.redirects)?;
            }
            Ok((loaded, written(text, format)?))
        });
        let prices = self.pricing_litellm.as_deref().map(load_prices).transpose();
        match (document, prices) {
            (Ok((loaded, written)), Ok(prices)) => Ok(Configured { loaded, written, prices }),
            (document, prices) => Err(document.err().into_iter().flatten().chain(prices.err()).collect()),
        }
    }

    /// The files that it is read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let others = [&self.dotenv, &self.pricing_litellm, &self.redirects];
        std::iter::once(&self.path).chain(others.into_iter().flatten())
    }
}

/// Sees whether the certificates of backends' `tls` can be read, and the keys are theirs.
fn check_tls(backends: &[Backend]) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for (index, backend) in backends.iter().enumerate() {
        let mut flawed = |field: &str, flaw: String| {
            problems.push(Problem::new(format!("backends[{index}].tls.{field}"), flaw));
        };
        let Some(tls) = &backend.tls else { continue };
        if let Some(flaw) = tls.ca.as_deref().and_then(|ca| pem::check_authorities(ca).err()) {
            flawed("ca", flaw);
        }
        let client = tls.client.as_ref();
        match client.map(|client| pem::check_pair(client.chain.expose(), client.key.expose())) {
            Some(Err(PairFlaw::Certificate(flaw))) => flawed("client_cert", flaw),
            Some(Err(PairFlaw::Key(flaw))) => flawed("client_key", flaw),
            Some(Ok(())) | None => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn load_prices(path: &Path) -> Result<Prices, Problem> {
    let problem = |error: String| Problem::new(path.display(), error);
    let content = read_bounded(path).map_err(problem)?;
    let loaded = PriceTable::from_litellm(&content).map_err(|error| problem(error.to_string()))?;
    if loaded.table.is_empty() {
        // A wrong file, most likely; with it, every request of a cost budget would be refused.
        return Err(problem(format!("no model in it has a token price ({})", loaded.skipped)));
    }
    Ok(Prices { table: loaded.table, skipped: loaded.skipped })
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > DOCUMENT_BYTES_MAX {
        return Err(format!("larger than {DOCUMENT_BYTES_MAX} bytes"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read_bounded(path)?).map_err(|_| "it is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"backends": [{"name": "one", "base_url": "http://127.0.0.1:1/v1"}]}"#;
    const PRICES: &str = r#"{
        "sample_spec": {"input_cost_per_token": 0},
        "m": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
        "picture": {"litellm_provider": "openai", "output_cost_per_image": 0.1}
    }"#;

    /// A source over files of these contents; the directory goes when the test is over.
    fn source(document: &str, prices: &str) -> (tempfile::TempDir, Source) {
        let place = tempfile::tempdir().unwrap();
        let (path, pricing) = (place.path().join("gateway.json"), place.path().join("prices.json"));
        std::fs::write(&path, document).unwrap();
        std::fs::write(&pricing, prices).unwrap();
        (place, Source { path, pricing_litellm: Some(pricing), ..Source::default() })
    }

    #[test]
    fn prices_come_with_the_document_and_rows_without_one_are_counted() {
        let (_place, source) = source(DOCUMENT, PRICES);
        let prices = source.load().unwrap().prices.unwrap();
        assert!(prices.table.get("m").is_some());
        assert_eq!(prices.status(), json!({"models": 1, "skipped": 2}));
        let without = Source { pricing_litellm: None, ..source };
        assert!(without.load().unwrap().prices.is_none());
    }

    #[test]
    fn a_clients_key_must_fit_its_certificate() {
        let pair = || {
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let ((certificate, key), (_, other)) = (pair(), pair());
        let load = |tls: Value| {
            let document = json!({"backends": [{"name": "a", "base_url": "https://h", "tls": tls}]});
            let (_place, source) = source(&document.to_string(), PRICES);
            source.load().map(drop).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(load(json!({"ca": certificate, "client_cert": certificate, "client_key": key})), Ok(()));
        let problems =
            load(json!({"ca": "-----BEGIN CERTIFICATE-----", "client_cert": certificate, "client_key": other}));
        let [ca, key] = problems.unwrap_err().try_into().unwrap();
        assert!(ca.starts_with("backends[0].tls.ca: "), "{ca}");
        assert_eq!(key, "backends[0].tls.client_key: it is not the key of the certificate");
    }

    #[test]
    fn problems_of_all_files_are_told_at_once() {
        let (_place, source) = source(r#"{"backends": 5}"#, "{");
        let problems = source.load().unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(text.iter().any(|problem| problem.starts_with("backends")), "{text:?}");
        assert!(text.iter().any(|problem| problem.contains("prices.json: the price file ends too early")), "{text:?}");
    }

    #[test]
    fn redirects_of_a_file_stand_beside_those_of_the_document() {
        let (place, source) = source(
            r#"{"backends": [{"name": "one", "base_url": "http://h/v1"}], "redirects": {"a": "b", "same": "x"}}"#,
            PRICES,
        );
        let path = place.path().join("redirect.toml");
        let source = Source { redirects: Some(path.clone()), ..source };
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            source.load().map(|configured| configured.loaded.document.redirects)
        };
        let redirects = load("[redirects]\n\"gpt-4.1\" = \"one/gpt-4.1\"\nsame = \"x\"\n").unwrap();
        assert_eq!((redirects["gpt-4.1"].as_str(), redirects["a"].as_str(), redirects.len()), ("one/gpt-4.1", "b", 3));
        assert_eq!(load("[[redirect]]\nfrom = \"b\"\nto = \"c\"").unwrap()["b"], "c");
        for (text, expected) in [
            ("[redirects]\na = \"z\"", "redirects.a: the document redirects it to `b`: remove one of them"),
            (
                "[redirects]\nb = \"a\"",
                "redirects: redirects go round in a circle: `a` → `b` → `a`; remove one of them",
            ),
            ("[redirects]\nb = 1", "redirects.b: expected a model's name in quotes"),
            ("[other]", "other: unknown table: expected `[redirects]` or `[[redirect]]`"),
            ("[redirects", "line 1: no TOML: "),
        ] {
            let problems = load(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].to_string().contains(&format!("redirect.toml: {expected}")), "{problems:?}");
        }
    }

    #[test]
    fn a_price_file_that_is_missing_or_without_a_price_is_a_problem() {
        let (place, source) = source(DOCUMENT, r#"{"picture": {"output_cost_per_image": 0.1}}"#);
        assert!(source.load().unwrap_err()[0].to_string().contains("no model in it has a token price"));
        std::fs::remove_file(place.path().join("prices.json")).unwrap();
        assert!(source.load().unwrap_err()[0].to_string().contains("prices.json: No such file"));
    }
}
