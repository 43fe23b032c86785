//! Finding the filter module, Envoy and the system's CA certificates, for a gateway that is started without being told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Envoy versions that the gateway works with. 1.40 is the oldest one tested: the body limit of a route, the reload of
/// a trapped VM and stopping at the headers must all be there.
pub const ENVOY_VERSION_MIN: (u32, u32) = (1, 40);

/// The filter module: as given, else beside the executable, else where Cargo leaves it.
pub fn filter(given: Option<&Path>) -> Result<PathBuf, String> {
    let candidates = match given {
        Some(path) => vec![path.to_owned()],
        None => beside_executable("ditto_filter.wasm")
            .into_iter()
            .chain(up_from_executable("wasm32-wasip1/release/ditto_filter.wasm"))
            .chain(up_from_executable("target/wasm32-wasip1/release/ditto_filter.wasm"))
            .collect(),
    };
    first_file(&candidates).ok_or_else(|| {
        let places = candidates.iter().map(|path| format!("\n  {}", path.display())).collect::<String>();
        format!("the filter module was not found: run `make build`, or name it with --filter. Looked at:{places}")
    })
}

/// Envoy: as given, else beside the executable, else in the repository's tools, else on the path.
pub fn envoy(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        let path = first_file(&[path.to_owned()]).ok_or_else(|| format!("no Envoy at {}", path.display()))?;
        return supported(&path).map(|()| path);
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = std::env::split_paths(&on_path).map(|directory| directory.join("envoy")).collect();
    let candidates =
        beside_executable("envoy").into_iter().chain(up_from_executable(".tools/envoy/envoy")).chain(on_path);
    let mut refused = Vec::new();
    for candidate in candidates.filter(|candidate| candidate.is_file()) {
        match supported(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(reason) => refused.push(format!("\n  {reason}")),
        }
    }
    Err(format!("no Envoy was found: run `make setup`, or name one with --envoy-bin or ENVOY_BIN.{}", refused.concat()))
}

/// Where systems keep the CA certificates that they trust, in one PEM file.
const CA_CERTIFICATES: &[&str] = &[
    // Debian, Alpine, Arch
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",
    // openSUSE
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    // macOS, BSD
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

/// The CA certificates: as given, else what `SSL_CERT_FILE` names, else the system's; `None` when there are none. A
/// path that is given for an Envoy elsewhere is that Envoy's to find.
///
/// # Errors
/// What is given is not there.
pub fn ca_certificates(given: Option<&Path>, envoy_is_elsewhere: bool) -> Result<Option<PathBuf>, String> {
    match given {
        Some(path) if envoy_is_elsewhere => Ok(Some(path.to_owned())),
        Some(path) if path.is_file() => Ok(Some(absolute(path))),
        Some(path) => Err(format!("--ca-certificates: no file at {}", path.display())),
        None => Ok(systems_ca_certificates(std::env::var_os("SSL_CERT_FILE"), CA_CERTIFICATES)),
    }
}

/// Whoever sets the variable says whom to trust: a mistake in it must not end in trusting everybody the system does.
fn systems_ca_certificates(variable: Option<OsString>, places: &[&str]) -> Option<PathBuf> {
    let candidates = match variable.filter(|value| !value.is_empty()) {
        Some(path) => vec![PathBuf::from(path)],
        None => places.iter().map(PathBuf::from).collect(),
    };
    candidates.into_iter().find(|path| path.is_file()).map(|path| absolute(&path))
}

/// Links stay as they are: systems renew their certificates behind them.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Asks an Envoy for its version.
fn supported(envoy: &Path) -> Result<(), String> {
    let output = Command::new(envoy).arg("--version").output();
    let output = output.map_err(|error| format!("{} does not run: {error}", envoy.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        Some(found) if found >= ENVOY_VERSION_MIN && found.0 == ENVOY_VERSION_MIN.0 => Ok(()),
        Some((major, minor)) => Err(format!(
            "{} is Envoy {major}.{minor}; {}.{} or newer is needed",
            envoy.display(),
            ENVOY_VERSION_MIN.0,
            ENVOY_VERSION_MIN.1
        )),
        None => Err(format!("{} does not say which Envoy it is", envoy.display())),
    }
}

/// Reads `<path>  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.split_once("version: ")?;
    let mut numbers = version.split('/').nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn beside_executable(name: &str) -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join(name))
}

fn up_from_executable(relative: &str) -> Vec<PathBuf> {
    let executable = std::env::current_exe().unwrap_or_default();
    executable.ancestors().skip(1).map(|directory| directory.join(relative)).collect()
}

fn first_file(candidates: &[PathBuf]) -> Option<PathBuf> {
    candidates
        .iter()
        .find(|path| path.is_file())
        .map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_certificates_must_be_there_unless_envoy_is_elsewhere() {
        let here = Path::new(file!()).file_name().map(|name| Path::new("src").join(name)).unwrap();
        assert_eq!(ca_certificates(Some(&here), false), Ok(Some(std::path::absolute(&here).unwrap())));
        let nowhere = Path::new("/nowhere/ca.pem");
        let error = ca_certificates(Some(nowhere), false).unwrap_err();
        assert!(error.contains("--ca-certificates") && error.contains("/nowhere/ca.pem"), "{error}");
        assert_eq!(ca_certificates(Some(nowhere), true), Ok(Some(nowhere.to_owned())));
    }

    #[test]
    fn the_variable_stands_alone_and_the_first_place_that_exists_is_taken() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one.pem"), place.path().join("two.pem"));
        std::fs::write(&one, "").unwrap();
        std::fs::write(&two, "").unwrap();
        let places = ["/nowhere/ca.pem", one.to_str().unwrap(), two.to_str().unwrap()];
        assert_eq!(systems_ca_certificates(None, &places), Some(one.clone()));
        assert_eq!(systems_ca_certificates(Some("".into()), &places), Some(one.clone()));
        assert_eq!(systems_ca_certificates(Some(two.clone().into()), &places), Some(two.clone()));
        assert_eq!(systems_ca_certificates(Some("/nowhere/mine.pem".into()), &places), None);
        assert_eq!(systems_ca_certificates(None, &places[..1]), None);
    }

    #[test]
    fn envoys_version_line_is_read() {
        let line =
            "\n.tools/envoy/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL";
        assert_eq!(version(line), Some((1, 40)));
        assert_eq!(version("something else"), None);
    }
}
