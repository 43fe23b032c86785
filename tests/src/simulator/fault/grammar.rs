//! Reads a fault from the text of the `x-simulator-fault` header.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::super::manner::{Manner, TOKENS_MAX};
use super::{Cut, Fault, StreamError};

/// A directive that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSyntaxError {
    directive: String,
}

impl fmt::Display for FaultSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault directive not understood: {:?}", self.directive)
    }
}

impl std::error::Error for FaultSyntaxError {}

impl FromStr for Fault {
    type Err = FaultSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fault = Self::none();
        for directive in text.split(';').map(str::trim).filter(|directive| !directive.is_empty()) {
            apply(&mut fault, directive).ok_or_else(|| FaultSyntaxError { directive: directive.to_owned() })?;
        }
        Ok(fault)
    }
}

fn apply(fault: &mut Fault, directive: &str) -> Option<()> {
    let (name, value) = match directive.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (directive, None),
    };
    match (name, value) {
        ("delay", Some(value)) => fault.delay = duration(value)?,
        ("chunk-delay", Some(value)) => fault.chunk_delay = duration(value)?,
        ("status", Some(value)) => fault.status = Some(status(value)?),
        ("header", Some(value)) => {
            let (name, value) = value.split_once(':')?;
            fault.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        ("body", Some(value)) => {
            let bytes: Vec<u8> = percent_decode_str(value).collect();
            fault.body = Some(vec![Bytes::from(bytes)]);
        }
        ("close", Some(value)) => fault.cut = Some(cut(value)?),
        ("chunks", Some(value)) => fault.chunk_sizes = sizes(value)?,
        ("bytewise", None) => fault.chunk_sizes = vec![1],
        ("gzip", None) => fault.gzip = true,
        ("hang", None) => fault.hang = true,
        ("ignore-body", None) => fault.ignore_body = true,
        ("error", Some(value)) => fault.stream_error = Some(stream_error(value)?),
        ("stall", Some(value)) => fault.stall = Some(value.parse().ok()?),
        _ => return apply_manner(&mut fault.manner, name, value),
    }
    Some(())
}

fn apply_manner(manner: &mut Manner, name: &str, value: Option<&str>) -> Option<()> {
    let tokens = |value: &str| value.parse().ok().filter(|tokens| *tokens <= TOKENS_MAX);
    match (name, value) {
        ("tokens", Some(value)) => manner.tokens = Some(tokens(value)?),
        ("reasoning", Some(value)) => manner.reasoning_tokens = tokens(value)?,
        ("cached", Some(value)) => manner.cached_tokens = tokens(value)?,
        ("cache-creation", Some(value)) => manner.cache_creation_tokens = tokens(value)?,
        ("ignore-cap", None) => manner.ignore_cap = true,
        ("no-usage", None) => manner.no_usage = true,
        ("running-usage", None) => manner.running_usage = true,
        _ => return None,
    }
    Some(())
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(milliseconds) = text.strip_suffix("ms") {
        return milliseconds.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs)
}

fn cut(text: &str) -> Option<Cut> {
    match text {
        "before-headers" => Some(Cut::BeforeHeaders),
        "after-headers" => Some(Cut::AfterHeaders),
        _ => {
            let count = text.strip_prefix("after-")?;
            match count.strip_suffix("-events") {
                Some(events) => events.parse().ok().map(Cut::AfterEvents),
                None => count.parse().ok().map(Cut::AfterBytes),
            }
        }
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..600).contains(status))
}

fn stream_error(text: &str) -> Option<StreamError> {
    let (events, code) = text.split_once('-')?;
    Some(StreamError { events: events.parse().ok()?, status: status(code)? })
}

fn sizes(text: &str) -> Option<Vec<usize>> {
    text.split(',').map(|size| size.trim().parse().ok().filter(|size| *size > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_combine() {
        let fault: Fault =
            "delay=250ms; chunk-delay=1s; status=429; header=retry-after: 2; close=after-10".parse().unwrap();
        assert_eq!(
            fault,
            Fault {
                delay: Duration::from_millis(250),
                chunk_delay: Duration::from_secs(1),
                status: Some(429),
                headers: vec![("retry-after".to_owned(), "2".to_owned())],
                cut: Some(Cut::AfterBytes(10)),
                ..Fault::none()
            }
        );
    }

    #[test]
    fn flags_and_lists() {
        let fault: Fault = "chunks=1,5,200;gzip;hang;ignore-body;body=a%3Bb".parse().unwrap();
        assert_eq!(fault.chunk_sizes, [1, 5, 200]);
        assert!(fault.gzip && fault.hang && fault.ignore_body);
        assert_eq!(fault.body, Some(vec![Bytes::from_static(b"a;b")]));
        assert_eq!("".parse::<Fault>(), Ok(Fault::none()));
        assert_eq!("bytewise".parse::<Fault>(), Ok(Fault::bytewise()));
    }

    #[test]
    fn manners_and_events() {
        let fault: Fault = "tokens=200;reasoning=5;cached=7;cache-creation=3;ignore-cap;no-usage;running-usage;stall=2"
            .parse()
            .unwrap();
        let manner = Manner {
            tokens: Some(200),
            reasoning_tokens: 5,
            cached_tokens: 7,
            cache_creation_tokens: 3,
            ignore_cap: true,
            no_usage: true,
            running_usage: true,
        };
        assert_eq!(fault, Fault { stall: Some(2), manner, ..Fault::none() });
        assert_eq!("error=3-529".parse::<Fault>(), Ok(Fault::stream_error(3, 529)));
        assert_eq!("close=after-3-events".parse::<Fault>(), Ok(Fault::cut(Cut::AfterEvents(3))));
    }

    #[test]
    fn nonsense_is_named() {
        for text in
            ["dellay=1s", "delay=1", "status=99", "chunks=0", "close=later", "gzip=yes", "header=x", "tokens=-1"]
        {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
