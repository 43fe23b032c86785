//! The two scripts: what they are given, and what they say.

use std::sync::LazyLock;
use std::time::Duration;

use ditto_ledger::{Account, Amounts, Lease, LeaseState};
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisResult, Script, ServerErrorKind};

use super::layout::{Layout, account_field, freed_message, lease_field};
use super::read::Snapshot;
use crate::ledger::store::step::{Changes, to_json};
use crate::ledger::store::{StoreError, Table};

const COMMIT: &str = include_str!("commit.lua");
const BEGIN: &str = include_str!("begin.lua");

/// Times are sorted by as doubles; beyond this they would not be exact, and are as far away.
const SCORE_MAX: u64 = 1 << 53;

/// What became of a commit.
pub(super) enum Outcome {
    Done {
        revision: u64,
        acknowledged: Option<u32>,
    },
    /// Somebody changed a row that was read.
    Changed,
    /// Other books, or none.
    Epoch(Option<String>),
    /// An earlier state than was read.
    Back(u64),
}

/// A call of the script that saves a step, but for the script itself.
pub(super) struct Commit<'a> {
    layout: &'a Layout,
    arguments: Vec<String>,
}

impl<'a> Commit<'a> {
    /// Turns `changes`, which were decided by `before`, into arguments.
    ///
    /// # Errors
    /// A row cannot be written as JSON.
    pub(super) fn new(
        layout: &'a Layout,
        before: &Snapshot,
        table: &Table,
        changes: &Changes,
    ) -> Result<Self, StoreError> {
        let message = freed_message(&freed(table, changes));
        let mut arguments = vec![
            before.epoch.clone().unwrap_or_default(),
            before.revision.to_string(),
            layout.changes.clone(),
            message,
            before.rows.len().to_string(),
        ];
        for (field, body) in &before.rows {
            arguments.extend([field.clone(), body.clone().unwrap_or_default()]);
        }
        arguments.push(changes.accounts.len().to_string());
        for (name, account) in &changes.accounts {
            let body = account.as_ref().map(|account| to_json("account", name, account)).transpose()?;
            arguments.extend([name.clone(), account_field(name), body.unwrap_or_default()]);
        }
        arguments.push(changes.leases.len().to_string());
        for (id, lease) in &changes.leases {
            let body = lease.as_ref().map(|lease| to_json("lease", id, lease)).transpose()?;
            let (due, renewed) = scores(lease.as_ref());
            arguments.extend([id.clone(), lease_field(id), body.unwrap_or_default(), due, renewed]);
        }
        Ok(Self { layout, arguments })
    }

    /// Saves the step, and if so told waits until some replicas have it too.
    ///
    /// # Errors
    /// The server cannot be reached or refuses. Whether the step is saved is not known.
    pub(super) async fn run(
        &self,
        connection: &mut impl ConnectionLike,
        wait: Option<(u32, Duration)>,
    ) -> RedisResult<Outcome> {
        let (reply, acknowledged): ((String, Option<String>), _) = match wait {
            None => (call(connection, self.layout, &SCRIPTS.commit, COMMIT, &self.arguments).await?, None),
            Some((replicas, within)) => {
                let (reply, acknowledged) = self.run_and_wait(connection, replicas, within).await?;
                (reply, Some(acknowledged))
            }
        };
        let (word, value) = reply;
        let number = || value.as_ref().and_then(|value| value.parse().ok());
        match (word.as_str(), number()) {
            ("done", Some(revision)) => Ok(Outcome::Done { revision, acknowledged }),
            ("back", Some(revision)) => Ok(Outcome::Back(revision)),
            ("changed", _) => Ok(Outcome::Changed),
            ("epoch", _) => Ok(Outcome::Epoch(value)),
            _ => Err((ErrorKind::UnexpectedReturnType, "a reply that the script does not give").into()),
        }
    }

    /// Script and `WAIT` in one pipeline: only on the connection that wrote does the wait mean anything.
    async fn run_and_wait(
        &self,
        connection: &mut impl ConnectionLike,
        replicas: u32,
        within: Duration,
    ) -> RedisResult<((String, Option<String>), u32)> {
        let pipeline = |script: Cmd| {
            let mut pipeline = Pipeline::new();
            pipeline.add_command(script).cmd("WAIT").arg(replicas).arg(within.as_millis().to_string());
            pipeline
        };
        let known = command("EVALSHA", self.layout, SCRIPTS.commit.get_hash(), &self.arguments);
        match pipeline(known).query_async(connection).await {
            Err(error) if is_unknown(&error) => {
                pipeline(command("EVAL", self.layout, COMMIT, &self.arguments)).query_async(connection).await
            }
            result => result,
        }
    }
}

/// Begins the ledger if nobody has: whether that was now, the epoch and the revision.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) async fn begin(
    connection: &mut impl ConnectionLike,
    layout: &Layout,
    epoch: &str,
) -> RedisResult<(bool, String, u64)> {
    call(connection, layout, &SCRIPTS.begin, BEGIN, &[epoch.to_owned()]).await
}

struct Scripts {
    commit: Script,
    begin: Script,
}

/// For their hashes.
static SCRIPTS: LazyLock<Scripts> =
    LazyLock::new(|| Scripts { commit: Script::new(COMMIT), begin: Script::new(BEGIN) });

/// Calls a script by its hash, and with its text where the server does not know it: a server forgets scripts when it
/// restarts, and whenever somebody tells it to.
async fn call<T: FromRedisValue>(
    connection: &mut impl ConnectionLike,
    layout: &Layout,
    script: &Script,
    text: &str,
    arguments: &[String],
) -> RedisResult<T> {
    match command("EVALSHA", layout, script.get_hash(), arguments).query_async(connection).await {
        Err(error) if is_unknown(&error) => command("EVAL", layout, text, arguments).query_async(connection).await,
        result => result,
    }
}

fn command(name: &str, layout: &Layout, script: &str, arguments: &[String]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script);
    layout.keys(&mut command);
    command.arg(arguments);
    command
}

fn is_unknown(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Where a lease stands in the indexes; empty for nowhere.
fn scores(lease: Option<&Lease>) -> (String, String) {
    let score = |time: u64| time.min(SCORE_MAX).to_string();
    match lease {
        Some(lease) if lease.state == LeaseState::Expired => (String::new(), score(lease.renewed_at_ms)),
        Some(lease) => (score(lease.expires_at_ms), score(lease.renewed_at_ms)),
        None => (String::new(), String::new()),
    }
}

/// The accounts that have more left than before.
fn freed<'a>(table: &Table, changes: &'a Changes) -> Vec<&'a str> {
    let used = |account: Option<&Account>| account.map_or_else(Amounts::default, |it| it.spent.plus(&it.held));
    let more_left = |(name, account): &(&String, &Option<Account>)| {
        let before = used(table.accounts.get(*name).and_then(Option::as_ref));
        !used(account.as_ref()).covers(&before)
    };
    changes.accounts.iter().filter(more_left).map(|(name, _)| name.as_str()).collect()
}
