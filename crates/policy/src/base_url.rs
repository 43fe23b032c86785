//! The root of an upstream, and how a request's path is joined to it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// A backend's `base_url`, taken apart. It names one server and a path, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether the scheme is `https`.
    pub tls: bool,
    /// A name in lower case or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port, 80 or 443 where none is written.
    pub port: u16,
    /// Empty, or a path that starts with `/` and does not end with one.
    pub path: String,
}

/// Why a text is no base URL. No variant holds the text: it can contain credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BaseUrlError {
    /// Neither `http://` nor `https://`.
    #[error("must start with http:// or https://")]
    Scheme,
    /// White space or control characters.
    #[error("must not contain white space or control characters")]
    Space,
    /// Characters outside ASCII.
    #[error("must be ASCII: write a name in its xn-- form and escape the path with %XX")]
    NotAscii,
    /// `user:password@`.
    #[error("must not contain a user name or password: put credentials into headers")]
    UserInfo,
    /// `?…`.
    #[error("must not contain a query: put it into query_params")]
    Query,
    /// `#…`.
    #[error("must not contain a fragment")]
    Fragment,
    /// Nothing between `//` and the path.
    #[error("has no host")]
    NoHost,
    /// Neither a name nor an address.
    #[error("the host is neither a name nor an address")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// Characters that no path has, or `.` and `..` segments.
    #[error("the path must be plain segments, without `.` and `..`, escaped with %XX where needed")]
    Path,
}

impl BaseUrl {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// What makes it unfit for a base URL.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BaseUrlError::Space);
        }
        let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(BaseUrlError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        if path.contains('#') {
            return Err(BaseUrlError::Fragment);
        }
        if path.contains('?') {
            return Err(BaseUrlError::Query);
        }
        if !text.is_ascii() {
            return Err(BaseUrlError::NotAscii);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host: parse_host(host)?, port, path: parse_path(path)? })
    }

    /// What goes into a `host` header: the host, bracketed where needed, and the port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

/// The path and query to ask an upstream for, whose base URL has the path `base_path`.
///
/// The request's path is appended to the base path; where the base path ends in `/v1`, a leading `v1` of the
/// request's path is not repeated. `extra_query`, as [`encode_query`] makes it, is appended to the query.
/// It allocates once.
pub fn join(base_path: &str, path_and_query: &str, extra_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, query),
        None => (path_and_query, ""),
    };
    let mut path = path.strip_prefix('/').unwrap_or(path);
    let mut slash = "/";
    if base_path.ends_with("/v1") {
        if path == "v1" {
            (slash, path) = ("", "");
        } else if let Some(below) = path.strip_prefix("v1/") {
            path = below;
        }
    }
    let mut joined =
        String::with_capacity(base_path.len() + path.len() + query.len() + extra_query.len() + "/?&".len());
    joined.push_str(base_path);
    joined.push_str(slash);
    joined.push_str(path);
    for part in [query, extra_query] {
        if !part.is_empty() {
            joined.push(if joined.len() == base_path.len() + slash.len() + path.len() { '?' } else { '&' });
            joined.push_str(part);
        }
    }
    joined
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

/// Writes parameters as a query, `a=1&b=2`, escaping what cannot stand in one. To be called once, not per request.
pub fn encode_query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        escape_into(&mut query, name);
        query.push('=');
        escape_into(&mut query, value);
    }
    query
}

fn escape_into(query: &mut String, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        // The unreserved characters of RFC 3986; everything else means something to somebody.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push('%');
            query.extend([byte >> 4, byte & 15].iter().filter_map(|digit| HEX.get(usize::from(*digit))));
        }
    }
}

/// Splits host and port. The brackets of an IPv6 address stay with the host.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), BaseUrlError> {
    let host_len = if authority.starts_with('[') {
        authority.find(']').ok_or(BaseUrlError::Host)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_len);
    match rest.strip_prefix(':') {
        _ if host.is_empty() => Err(BaseUrlError::NoHost),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(BaseUrlError::Host),
        Some(port) => Ok((host, Some(port))),
    }
}

fn parse_port(text: &str) -> Result<u16, BaseUrlError> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0).ok_or(BaseUrlError::Port)
}

fn parse_host(text: &str) -> Result<String, BaseUrlError> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().map(|address| address.to_string()).map_err(|_| BaseUrlError::Host);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let edges_fit = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len())
            && edges_fit
            // Underscores are not in the standard, but in the names of container networks.
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(BaseUrlError::Host);
    }
    // No top-level name is a number, so this is an address, and resolvers disagree about the short and the octal ones.
    let last = name.rsplit('.').next().unwrap_or(name);
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if numeric && text.parse::<Ipv4Addr>().is_err() {
        return Err(BaseUrlError::Host);
    }
    Ok(text.to_ascii_lowercase())
}

fn parse_path(text: &str) -> Result<String, BaseUrlError> {
    let path = text.trim_end_matches('/');
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let fits = match byte {
            b'%' => [rest.next(), rest.next()].iter().all(|digit| digit.is_some_and(|b| b.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fits {
            return Err(BaseUrlError::Path);
        }
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(BaseUrlError::Path);
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests;
