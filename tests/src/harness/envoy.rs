//! Envoy's own admin endpoint, and an Envoy that the gateway does not start.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};

use super::locate::Part;
use super::{Gateway, Output};
use crate::eventually::eventually;
use crate::process::{self, Signal};

/// The file's name in an Envoy's directory.
const BOOTSTRAP: &str = "bootstrap.json";

impl Gateway {
    /// Asks the gateway's own Envoy for a path of its admin endpoint, which is a socket beside its bootstrap.
    ///
    /// # Panics
    /// When there is no Envoy, or it does not answer 200.
    pub async fn envoy_admin(&self, path: &str) -> String {
        let pid = self.envoy_pid().expect("the gateway runs an Envoy");
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("its command line can be read");
        let bootstrap =
            command.split('\0').skip_while(|argument| *argument != "-c").nth(1).expect("it has a bootstrap");
        ask(&Path::new(bootstrap).with_file_name("envoy.sock"), path).await.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// An Envoy that a test runs: for a gateway with `--no-envoy`, or for something else. Dropped, it ends.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    directory: TempDir,
    /// Where its clients go.
    address: SocketAddr,
    /// Whether it answers there when it serves, or only listens.
    is_gateway: bool,
    /// Threads that serve requests.
    workers: u32,
    output: Output,
}

impl Envoy {
    /// Starts one with the bootstrap that the gateway's program prints, and waits until it serves the gateway.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(gateway: &Gateway) -> Self {
        Self::start_with_workers(gateway, 1).await
    }

    /// As [`Envoy::start`], with so many worker threads.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with_workers(gateway: &Gateway, workers: u32) -> Self {
        Self::start_printed(gateway, workers, &[]).await
    }

    /// As [`Envoy::start`], as the node of this id.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_as(gateway: &Gateway, node_id: &str) -> Self {
        Self::start_printed(gateway, 1, &["--node-id", node_id]).await
    }

    /// As [`Envoy::start_as`], with these labels, as `--node-labels` has them.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_labelled(gateway: &Gateway, node_id: &str, labels: &str) -> Self {
        Self::start_printed(gateway, 1, &["--node-id", node_id, "--node-labels", labels]).await
    }

    /// Starts one that is allowed no memory to speak of, and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_starved(gateway: &Gateway) -> Self {
        let (directory, bootstrap) = Self::print(gateway, &["--envoy-max-heap-bytes", "1"]);
        Self::start_in(directory, &bootstrap, gateway.address(), 1, false).await
    }

    async fn start_printed(gateway: &Gateway, workers: u32, args: &[&str]) -> Self {
        let (directory, bootstrap) = Self::print(gateway, args);
        Self::start_in(directory, &bootstrap, gateway.address(), workers, true).await
    }

    /// What the gateway's program prints for one, and where its files may be.
    fn print(gateway: &Gateway, args: &[&str]) -> (TempDir, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let bootstrap = Command::new(Part::Gateway.expect())
            .args(["bootstrap", "--control-listen", &gateway.control().to_string()])
            .args(args)
            .arg("--envoy-admin")
            .arg(format!("unix:{}", directory.path().join("envoy.sock").display()))
            .output()
            .expect("the bootstrap can be printed");
        assert!(bootstrap.status.success(), "{bootstrap:?}");
        (directory, bootstrap.stdout)
    }

    /// Starts one with a bootstrap of the test's own, and waits until it listens at `address`.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with(bootstrap: &Value, address: SocketAddr) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self::start_in(directory, bootstrap.to_string().as_bytes(), address, 1, false).await
    }

    async fn start_in(
        directory: TempDir,
        bootstrap: &[u8],
        address: SocketAddr,
        workers: u32,
        is_gateway: bool,
    ) -> Self {
        fs::write(directory.path().join(BOOTSTRAP), bootstrap).expect("the bootstrap can be written");
        let output = Output::default();
        let child = Self::launch(directory.path(), workers, &output);
        let envoy = Self { child, directory, address, is_gateway, workers, output };
        envoy.wait_ready().await;
        envoy
    }

    async fn wait_ready(&self) {
        let serves = async || match self.is_gateway {
            true => super::is_healthy(self.address).await,
            false => TcpStream::connect(self.address).await.is_ok(),
        };
        eventually(Duration::from_secs(60), "Envoy serves", serves).await;
    }

    fn launch(directory: &Path, workers: u32, output: &Output) -> Child {
        let path = directory.join(BOOTSTRAP);
        let mut command = Command::new(Part::Envoy.expect());
        command.arg("-c").arg(&path).args(["--disable-hot-restart", "--log-level", "warning"]);
        command.arg("--concurrency").arg(workers.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process::spawn(command, Signal::Kill).expect("Envoy starts");
        output.collect(child.stdout.take().expect("standard output is piped"));
        output.collect(child.stderr.take().expect("standard error is piped"));
        child
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, as a crash would, and returns when it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again as it was, after ending it with SIGKILL if it still runs, and waits until it serves.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = Self::launch(self.directory.path(), self.workers, &self.output);
        self.wait_ready().await;
    }

    /// Asks for a path of its admin endpoint.
    ///
    /// # Panics
    /// When it does not answer 200.
    pub async fn admin(&self, path: &str) -> String {
        let socket: PathBuf = self.directory.path().join("envoy.sock");
        ask(&socket, path).await.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Envoy printed:\n{}---", self.output.text());
        }
        self.kill();
    }
}

async fn ask(socket: &Path, path: &str) -> Result<String> {
    let stream = UnixStream::connect(socket).await.with_context(|| socket.display().to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().uri(path).header("host", "envoy").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    ensure!(status.is_success(), "Envoy's admin endpoint answered {status} for {path}");
    Ok(String::from_utf8_lossy(&body).into_owned())
}
