//! The golden files.

use std::fs;
use std::path::PathBuf;

use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;

use super::frames;
use super::replies::DIALECTS;

/// A request of a client's.
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) body: String,
}

/// A reply of a backend's.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) status: u16,
    pub(crate) is_stream: bool,
    /// What is in the file.
    pub(crate) text: String,
}

impl Reply {
    /// What comes over the wire.
    pub(crate) fn body(&self) -> Vec<u8> {
        match self.dialect {
            Dialect::Converse if self.is_stream => frames::of_lines(self.text.as_bytes()),
            _ => self.text.clone().into_bytes(),
        }
    }

    /// The file's name without its form, which the same reply whole and as a stream have in common.
    pub(crate) fn stem(&self) -> &str {
        self.name.split_once('.').unwrap().0
    }
}

/// A client's folder.
pub(crate) fn folder_of(client: Client) -> &'static str {
    match client {
        Client::Chat => "chat",
        Client::Completions => "completions",
        Client::Responses => "responses",
        Client::Messages => "messages",
        Client::Gemini => "gemini",
    }
}

/// A file or folder of the goldens.
pub(crate) fn path(rest: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(rest)
}

fn files(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(path(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// All requests.
pub(crate) fn requests() -> Vec<Request> {
    let of = |client| {
        let files = files(&format!("requests/{}", folder_of(client)));
        files.into_iter().map(move |(name, body)| Request { name, client, body })
    };
    Client::ALL.into_iter().flat_map(of).collect()
}

/// All replies. A file's name ends with the status, if that is none of success.
pub(crate) fn replies() -> Vec<Reply> {
    let of = |(folder, dialect): &(&str, Dialect)| {
        let dialect = *dialect;
        files(&format!("replies/{folder}")).into_iter().map(move |(name, text)| {
            let (stem, extension) = name.split_once('.').unwrap();
            let status = stem.strip_prefix("error-").and_then(|status| status.parse().ok()).unwrap_or(200);
            let is_stream = extension != "json";
            Reply { name, dialect, status, is_stream, text }
        })
    };
    DIALECTS.iter().flat_map(of).collect()
}
