//! Putting the gateway together, and taking it down. Wiring only.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use ditto_policy::document::Problem;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{
    AdminState, AdminToken, BackendNames, ReadyCheck, config_routes, filter_routes, provider_routes, router,
};
use crate::bootstrap::Bootstrap;
use crate::config::providers::begin as begin_providers;
use crate::config::{Beginning, ConfigManager, Failure, Parts, Providers, Source, backend_names, compile_for, warn};
use crate::control::{ControlAddress, ControlSocket};
use crate::credentials::Tokens;
use crate::envoy::admin::EnvoyAdmin;
use crate::envoy::ejections::Ejections;
use crate::envoy::{EnvoyCommand, OwnEnvoy, supervise, until_true};
use crate::health::Health;
use crate::http_client::HttpClient;
use crate::keys::directory::KeyDirectory;
use crate::keys::hub::Hub;
use crate::keys::stream::SyncService;
use crate::ledger::session::LeaseService;
use crate::listener_tls::ListenerTls;
use crate::load::{LoadService, Loads};
use crate::metrics::Metrics;
use crate::models::Models;
use crate::outcomes::{Judge, OutcomeService, Outcomes};
use crate::resources::table::JoinTables;
use crate::resources::{self, Settings};
use crate::settings::{DEFAULT_CONTROL, Run};
use crate::xds::{SnapshotCache, XdsService};
use crate::{admin_token as strength, environment, holder, locate, stores};

mod ledger;
mod probe;

use probe::Probe;

/// The node id of the Envoy that the gateway starts.
const OWN_NODE: &str = "ditto-embedded";
/// When the gateway stops, workers have this long to hand back what they hold of budgets.
const CLOSING_WITHIN: Duration = Duration::from_secs(2);
/// Envoy has this long to serve for the first time.
const SERVING_WITHIN: Duration = Duration::from_secs(60);

/// Runs the gateway until it is told to stop.
pub async fn run(run: Run) -> anyhow::Result<()> {
    let mut termination = Termination::listen().context("no signals")?;
    let hangups = signal(SignalKind::hangup()).context("no signals")?;
    let source = Source {
        path: run.config.clone().context("no configuration given")?,
        dotenv: run.dotenv.clone(),
        pricing_litellm: run.limits.pricing_litellm.clone(),
        redirects: run.redirects.clone(),
        providers: Providers::default(),
    };
    let token = admin_token(&run)?;
    let filter_path = locate::filter(run.filter.as_deref()).map_err(|error| anyhow!(error))?;
    let ca_certificates =
        locate::ca_certificates(run.ca_certificates.as_deref(), run.no_envoy).map_err(|error| anyhow!(error))?;
    let listen_tls = run.tls.files().map(ListenerTls::open).transpose().map_err(|error| anyhow!(error))?;
    let probe = Probe::new(run.listen, listen_tls.as_ref()).context("no TLS")?;
    let settings = Settings {
        listen: run.listen,
        listen_tls,
        filter_path,
        ca_certificates,
        max_body_bytes: run.proxy_max_body_bytes,
        metering: run.limits.metering(run.proxy_usage_max_body_bytes),
        resilience: run.resilience.resilience().map_err(|error| anyhow!(error))?,
        patience: run.clients.patience(),
        json_logs: run.json_logs,
        module: None,
    };
    let hub = Hub::new().context("the system has no randomness")?;
    let redis = stores::redis(&run).await?;
    let store = stores::keys(&run, redis.as_ref()).await?;
    let versions = stores::versions(&run, redis.as_ref())?;
    let providers = stores::providers(&run, redis.as_ref())?;
    begin_providers(&providers, &source).await.map_err(|failure| not_begun(&source, failure))?;
    let beginning = Beginning::read(&source, &versions).await;
    let mut beginning = beginning.map_err(|failure| not_begun(&source, failure))?;
    let settings = Settings { module: beginning.module.clone(), ..settings };
    let configured = &beginning.configured;
    let keys = configured.loaded.document.virtual_keys.clone();
    let directory = KeyDirectory::load(store, keys, run.require_virtual_keys, Arc::clone(&hub)).await?;
    let ledger = ledger::open(&run, redis.as_ref(), &directory).await?;
    let compiled = compile_for(configured, &settings, directory.access());
    let mut compiled = compiled.map_err(|problems| anyhow!("{problems:?}"))?;
    let http = HttpClient::new(settings.ca_certificates.as_deref()).context("no TLS")?;
    let tokens = Tokens::new(http.clone());
    let obtained = tokens.obtain(&compiled).await.map_err(|problems| unusable(&source, &problems))?;
    tokens.adopt(&compiled, obtained);
    tokens.fill(&mut compiled);
    let models = Models::new(Arc::clone(&directory), http.clone());
    models.replace(&compiled);
    let health = Health::new(run.resilience.health_checks(), http);
    health.replace(&compiled);
    hub.set_credentials(resources::credentials(&compiled));
    let snapshot = resources::snapshot(&compiled, &settings, &health.marks())?;
    let cache = Arc::new(SnapshotCache::new(snapshot, Arc::new(JoinTables)));
    let backends = BackendNames::new(backend_names(&compiled));
    warn(configured, &directory);
    beginning.keep(&versions).await.map_err(|failure| not_begun(&source, failure))?;
    let names = backends.clone();
    let (loads, outcomes) = (Loads::new(names.clone()), Outcomes::new(names.clone()));
    let parts = Parts {
        directory: Arc::clone(&directory),
        hub: Arc::clone(&hub),
        cache: Arc::clone(&cache),
        backends: backends.clone(),
        models: Arc::clone(&models),
        health: Arc::clone(&health),
        tokens,
        providers,
        retire_grace: run.retire_grace(),
    };
    let manager = ConfigManager::new(source, settings.clone(), parts, versions, &beginning, &compiled);

    let files = tempfile::Builder::new().prefix("ditto-").tempdir().context("no temporary directory")?;
    let control = control_address(&run, files.path());
    if control.is_exposed() {
        tracing::warn!(%control, "the control address is reachable from other machines and serves credentials");
    }
    let socket = ControlSocket::bind(&control).await.with_context(|| format!("--control-listen {control}"))?;
    let control = match (control, socket.local_port()) {
        (ControlAddress::Tcp(address), Some(port)) => ControlAddress::Tcp(SocketAddr::new(address.ip(), port)),
        (control, _) => control,
    };
    let (stop, stopping) = watch::channel(false);
    let (serving, is_serving) = watch::channel(false);
    let envoy_admin = ControlAddress::Unix(files.path().join("envoy.sock"));
    let ejections = files.path().join("ejections.jsonl");
    let mut checks = vec![ledger::check(&ledger)];
    checks.extend((!run.no_envoy).then(|| envoy_check(&envoy_admin)));
    let holder = holder::router(Arc::clone(&directory), ledger.books.clone());
    let followed = Arc::clone(&directory);
    let state = AdminState {
        directory,
        token,
        backends,
        health,
        loads: Arc::clone(&loads),
        metrics: run
            .metrics
            .backend_series()
            .map(|series| Metrics::new(names.clone(), Arc::clone(&loads), Arc::clone(&outcomes), series)),
        envoy: (!run.no_envoy).then(|| OwnEnvoy {
            node_id: OWN_NODE,
            admin: EnvoyAdmin::new(envoy_admin.clone()),
            ejections: Ejections::new(ejections.clone(), settings.resilience.breaker.clone()),
        }),
        ledger: ledger.clone(),
        checks,
        config: config_routes(Arc::clone(&manager))
            .merge(provider_routes(Arc::clone(&manager)))
            .merge(filter_routes(Arc::clone(&manager))),
    };
    let judge = Judge::new(Arc::clone(&manager), Arc::clone(&cache));
    let services = tonic::service::Routes::new(SyncService::new(hub, stopping.clone()).into_server())
        .add_service(LeaseService::new(Arc::clone(&ledger.desk), stopping.clone()).into_server())
        .add_service(LoadService::new(Arc::clone(&loads), Arc::clone(&cache), stopping.clone()).into_server())
        .add_service(OutcomeService::new(outcomes, judge).into_server())
        .add_service(XdsService::new(Arc::clone(&cache), run.retire_grace()).into_server());
    let services = services
        .into_axum_router()
        .reset_fallback()
        .merge(router(state))
        .merge(holder)
        .merge(models.router())
        .merge(manager.modules().router());
    let mut closing = stopping.clone();
    let server = tokio::spawn(socket.serve(services, async move { until_true(&mut closing).await }));
    tracing::info!(%control, "the control plane is up");

    let follower = redis.clone().map(|redis| tokio::spawn(redis.follow_keys(followed)));
    let config_follower = redis.map(|redis| tokio::spawn(redis.follow_config(Arc::clone(&manager))));
    let reloads = tokio::spawn(reload_on_signal(hangups, Arc::clone(&manager)));
    let watcher = tokio::spawn(Arc::clone(&manager).watch_file());
    let certificates = tokio::spawn(Arc::clone(&manager).watch_listener_tls());
    let changes = tokio::spawn(Arc::clone(&manager).follow_changes());
    let outcome = if run.no_envoy {
        termination.next().await;
        Ok(())
    } else {
        let envoy = locate::envoy(run.envoy_bin.as_deref()).map_err(|error| anyhow!(error))?;
        let bootstrap = files.path().join("bootstrap.json");
        let contents = Bootstrap {
            node_id: OWN_NODE,
            labels: &run.node_labels.clone().unwrap_or_default(),
            control: &control,
            admin: &envoy_admin,
            ejections: Some(&ejections),
            max_heap_bytes: run.envoy_max_heap_bytes,
        };
        write_bootstrap(&bootstrap, &contents)?;
        let command = EnvoyCommand { binary: envoy, bootstrap, concurrency: run.envoy_concurrency, admin: envoy_admin };
        let desk = Arc::clone(&ledger.desk);
        let settle = async move { desk.close(CLOSING_WITHIN).await };
        run_envoy(command, settle, &cache, probe, &mut termination, serving, is_serving).await
    };
    reloads.abort();
    watcher.abort();
    certificates.abort();
    changes.abort();
    for follower in follower.into_iter().chain(config_follower) {
        follower.abort();
    }
    cache.close();
    let _ = stop.send(true);
    // Streams end with `stop`; what else is under way gets a moment.
    let _ = tokio::time::timeout(Duration::from_secs(5), server).await;
    outcome
}

fn not_begun(source: &Source, failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Problems(problems) => unusable(source, &problems),
        other => anyhow!(other).context("the configuration's versions"),
    }
}

fn unusable(source: &Source, problems: &[Problem]) -> anyhow::Error {
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    anyhow!("{} cannot be used:{lines}", source.path.display())
}

async fn run_envoy(
    command: EnvoyCommand,
    settle: impl Future<Output = ()> + Send + 'static,
    cache: &SnapshotCache,
    probe: Probe,
    termination: &mut Termination,
    serving: watch::Sender<bool>,
    is_serving: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    // Envoy shares ports between processes; two gateways on one port would split its clients between them.
    let listen = probe.listen();
    std::net::TcpListener::bind(listen).with_context(|| format!("--listen {listen}"))?;
    let (stop_envoy, envoy_stopping) = watch::channel(false);
    let mut envoy = tokio::spawn(supervise(command, envoy_stopping, is_serving, settle));
    let outcome = tokio::select! {
        ended = &mut envoy => return ended?.map_err(|error| anyhow!(error)),
        () = termination.next() => Ok(()),
        served = until_serving(cache, &probe) => match served {
            Ok(()) => {
                tracing::info!("the gateway serves on {}://{listen}", probe.scheme());
                let _ = serving.send(true);
                tokio::select! {
                    ended = &mut envoy => return ended?.map_err(|error| anyhow!(error)),
                    () = termination.next() => Ok(()),
                }
            }
            Err(error) => Err(error),
        },
    };
    tracing::info!("stopping: requests under way may finish");
    let _ = stop_envoy.send(true);
    tokio::select! {
        _ = &mut envoy => {}
        () = termination.next() => {
            tracing::warn!("stopping at once");
            envoy.abort();
        }
    }
    outcome
}

/// Resolves when the listener answers through Envoy, filter and control plane.
async fn until_serving(cache: &SnapshotCache, probe: &Probe) -> anyhow::Result<()> {
    let poll = async {
        loop {
            if probe.serves().await.is_ok() {
                return Ok(());
            }
            let status = cache.status();
            let refused =
                status.nodes.iter().flat_map(|node| node.progress.types.values()).find_map(|ty| ty.nacked.as_ref());
            if let Some(refused) = refused {
                bail!("Envoy refuses the configuration: {}", refused.message);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(SERVING_WITHIN, poll).await;
    waited.unwrap_or_else(|_| Err(anyhow!("Envoy did not serve within {} s", SERVING_WITHIN.as_secs())))
}

fn control_address(run: &Run, files: &std::path::Path) -> ControlAddress {
    match &run.control_listen {
        Some(address) => address.clone(),
        // Somebody else's Envoy must know the address beforehand; our own gets a private socket.
        None if run.no_envoy => DEFAULT_CONTROL.parse().unwrap_or(ControlAddress::Unix(files.join("control.sock"))),
        None => ControlAddress::Unix(files.join("control.sock")),
    }
}

fn write_bootstrap(path: &std::path::Path, bootstrap: &Bootstrap<'_>) -> anyhow::Result<()> {
    let mut file = std::fs::File::create(path)?;
    serde_json::to_writer_pretty(&mut file, &bootstrap.to_json())?;
    file.flush()?;
    Ok(())
}

fn envoy_check(admin: &ControlAddress) -> ReadyCheck {
    let admin = EnvoyAdmin::new(admin.clone());
    ReadyCheck::new("envoy", move || {
        let admin = admin.clone();
        async move { admin.get("/ready").await.map(drop) }
    })
}

async fn reload_on_signal(mut hangups: Signal, manager: Arc<ConfigManager>) {
    while hangups.recv().await.is_some() {
        manager.reload().await;
    }
}

/// The signals that end the gateway. Listened to from the start to the end: one that comes while nobody happens to wait
/// is not lost.
struct Termination {
    terminate: Signal,
    interrupt: Signal,
}

impl Termination {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the next SIGTERM or SIGINT.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The admin token of the flags. Weak ones are refused: whoever guesses it owns the gateway.
fn admin_token(run: &Run) -> anyhow::Result<Option<AdminToken>> {
    let token = match (&run.admin_token, &run.admin_token_env) {
        (Some(token), _) => token.clone(),
        (None, Some(name)) => environment::secret("--admin-token-env", name, run.dotenv.as_deref())?,
        (None, None) => return Ok(None),
    };
    if token.is_blank() {
        bail!("the admin token is empty");
    }
    if !run.insecure_admin_token
        && let Some(reason) = strength::weakness(&token)
    {
        bail!("the admin token {reason}; make one with `openssl rand -hex 32`, or pass --insecure-admin-token");
    }
    Ok(Some(AdminToken::new(&token)))
}
