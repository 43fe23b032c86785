//! Where the quick start listens.

use std::env;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result, ensure};

use crate::harness::ports::is_free;

const DEFAULT_PORT: u16 = 8080;
/// Ports tried after the default.
const PORTS_TRIED: u16 = 100;

/// `LISTEN` (`host:port`), else `PORT` on the loopback address, else 8080 there or the next free port.
///
/// What was asked for by name is not replaced by something else: then a taken address is an error.
pub(super) fn choose() -> Result<SocketAddr> {
    match asked_for(&variable("LISTEN"), &variable("PORT"))? {
        Some(address) => {
            ensure!(
                is_free(address),
                "{address} cannot be listened on: it is taken, or not an address of this machine"
            );
            Ok(address)
        }
        None => first_free(),
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default().trim().to_owned()
}

fn asked_for(listen: &str, port: &str) -> Result<Option<SocketAddr>> {
    if !listen.is_empty() {
        let address =
            listen.parse().with_context(|| format!("LISTEN must be like 127.0.0.1:8080, and is {listen:?}"))?;
        return Ok(Some(address));
    }
    if !port.is_empty() {
        let port = port.parse().with_context(|| format!("PORT must be a number up to 65535, and is {port:?}"))?;
        return Ok(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
    }
    Ok(None)
}

fn first_free() -> Result<SocketAddr> {
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let free = (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED).map(loopback).find(|address| is_free(*address));
    let address = free.context("no port from 8080 on is free: choose one with PORT=…")?;
    if address.port() != DEFAULT_PORT {
        println!("Note: port {DEFAULT_PORT} is taken, using {} (choose with PORT=…)", address.port());
    }
    Ok(address)
}

/// An address to connect to for one to listen on: "every interface" cannot be connected to.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_wins_over_port() {
        assert_eq!(asked_for("0.0.0.0:9", "7").unwrap(), Some("0.0.0.0:9".parse().unwrap()));
        assert_eq!(asked_for("", "7").unwrap(), Some("127.0.0.1:7".parse().unwrap()));
        assert_eq!(asked_for("", "").unwrap(), None);
        assert!(asked_for("localhost", "").unwrap_err().to_string().contains("LISTEN"));
        assert!(asked_for("", "eighty").unwrap_err().to_string().contains("PORT"));
    }

    #[test]
    fn every_interface_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:9".parse().unwrap()), "127.0.0.1:9".parse().unwrap());
        assert_eq!(reachable("[::]:9".parse().unwrap()), "[::1]:9".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:9".parse().unwrap()), "10.0.0.1:9".parse().unwrap());
    }
}
