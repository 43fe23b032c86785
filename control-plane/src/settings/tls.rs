//! The flags of TLS on the listener.

use std::path::PathBuf;

use clap::Args;

use crate::listener_tls::TlsFiles;

/// TLS on the listener.
#[derive(Debug, Clone, Args)]
pub struct TlsFlags {
    /// Speaks TLS with clients, by this certificate and those between it and its authority (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Lets only clients in that have a certificate which one of these authorities has signed (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
}

impl TlsFlags {
    /// The files, if the listener is to speak TLS.
    pub fn files(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key, client_ca: self.tls_client_ca.clone() })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn parse(flags: &str) -> Result<Option<TlsFiles>, String> {
        let line = format!("ditto-gateway g.json {flags}");
        let line = CommandLine::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
        Ok(line.run.tls.files())
    }

    #[test]
    fn certificate_and_key_come_together() {
        assert_eq!(parse(""), Ok(None));
        let files = TlsFiles { certificate: "c".into(), key: "k".into(), client_ca: None };
        assert_eq!(parse("--tls-cert c --tls-key k"), Ok(Some(files.clone())));
        let with_ca = TlsFiles { client_ca: Some("a".into()), ..files };
        assert_eq!(parse("--tls-cert c --tls-key k --tls-client-ca a"), Ok(Some(with_ca)));
        for (flags, named) in
            [("--tls-cert c", "--tls-key"), ("--tls-key k", "--tls-cert"), ("--tls-client-ca a", "--tls-cert")]
        {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(named), "{flags}: {error}");
        }
    }
}
