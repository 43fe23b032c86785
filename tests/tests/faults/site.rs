//! A gateway, and what can be done to it.

use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{Gateway, GatewayBuilder};
use ditto_tests::process::{Signal, signal_process};
use ditto_tests::redis::RedisServer;

use super::dice::Dice;

/// Worker threads of each Envoy.
const WORKERS: u32 = 2;
/// Starts of a gateway that fail because its Redis is away, before it is given up.
const STARTS_MAX: usize = 20;

/// How long Envoy or a control plane stands still, in milliseconds: up to more than a lease lasts.
const PAUSED: (u64, u64) = (500, 7_000);
/// How long Redis does: up to more than a step of the ledger may take.
const REDIS_PAUSED: (u64, u64) = (100, 3_000);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// SIGKILL for Envoy; another is started.
    EnvoyKilled,
    /// Envoy stands still.
    EnvoyPaused,
    /// SIGKILL for a control plane whose Envoy goes on.
    ControlPlaneKilled,
    /// A control plane stands still, and its Envoy goes on.
    ControlPlanePaused,
    /// SIGKILL for a control plane and its Envoy.
    BothKilled,
    /// SIGKILL for Redis.
    RedisKilled,
    /// Redis stands still.
    RedisPaused,
}

/// Something that suffers.
pub(super) trait Victim {
    /// What can be done to it.
    fn faults(&self) -> &'static [Fault];

    /// Does it, and returns when everything is back.
    async fn suffer(&mut self, fault: Fault, dice: &mut Dice);
}

/// A gateway with its Envoy.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) gateway: Gateway,
    /// One that lives on when the control plane dies; without it, the gateway starts its own.
    envoy: Option<Envoy>,
}

impl Site {
    /// A gateway that starts its Envoy.
    pub(super) async fn with_own_envoy(builder: GatewayBuilder) -> Self {
        let workers = WORKERS.to_string();
        Self { gateway: builder.args(&["--envoy-concurrency", &workers]).start().await, envoy: None }
    }

    /// A control plane, and an Envoy beside it.
    pub(super) async fn with_foreign_envoy(builder: GatewayBuilder) -> Self {
        let gateway = builder.arg("--no-envoy").start().await;
        let envoy = Envoy::start_with_workers(&gateway, WORKERS).await;
        Self { gateway, envoy: Some(envoy) }
    }

    pub(super) fn client(&self) -> Client {
        self.gateway.client()
    }

    pub(super) fn control(&self) -> Client {
        self.gateway.control_client()
    }

    async fn restart(&mut self) {
        for _ in 0..STARTS_MAX {
            match self.gateway.try_restart().await {
                Ok(()) => return,
                // It does not start without its Redis, which may be away just now.
                Err(failure) => assert!(failure.log.contains("Redis"), "{failure}"),
            }
        }
        panic!("the gateway did not come back in {STARTS_MAX} attempts");
    }

    fn envoy_pid(&self) -> u32 {
        let own = || self.gateway.envoy_pid().expect("the gateway runs an Envoy");
        self.envoy.as_ref().map_or_else(own, Envoy::pid)
    }
}

async fn pause(pid: u32, time: Duration) {
    assert!(signal_process(pid, Signal::Stop), "the process {pid} is gone");
    tokio::time::sleep(time).await;
    assert!(signal_process(pid, Signal::Continue), "the process {pid} is gone");
}

impl Victim for Site {
    fn faults(&self) -> &'static [Fault] {
        match self.envoy {
            Some(_) => &[Fault::EnvoyKilled, Fault::EnvoyPaused, Fault::ControlPlaneKilled, Fault::ControlPlanePaused],
            None => &[Fault::EnvoyKilled, Fault::EnvoyPaused, Fault::BothKilled, Fault::ControlPlanePaused],
        }
    }

    async fn suffer(&mut self, fault: Fault, dice: &mut Dice) {
        match (fault, &mut self.envoy) {
            (Fault::EnvoyKilled, Some(envoy)) => envoy.restart().await,
            (Fault::EnvoyKilled, None) => {
                let killed = self.gateway.kill_envoy();
                self.gateway.other_envoy(killed).await;
            }
            (Fault::EnvoyPaused, _) => pause(self.envoy_pid(), dice.ms(PAUSED.0, PAUSED.1)).await,
            (Fault::ControlPlanePaused, _) => pause(self.gateway.pid(), dice.ms(PAUSED.0, PAUSED.1)).await,
            (Fault::ControlPlaneKilled | Fault::BothKilled, _) => self.restart().await,
            (Fault::RedisKilled | Fault::RedisPaused, _) => unreachable!("{fault:?} is not for a gateway"),
        }
    }
}

impl Victim for RedisServer {
    fn faults(&self) -> &'static [Fault] {
        &[Fault::RedisKilled, Fault::RedisPaused]
    }

    async fn suffer(&mut self, fault: Fault, dice: &mut Dice) {
        match fault {
            Fault::RedisKilled => self.restart(),
            _ => {
                self.pause();
                tokio::time::sleep(dice.ms(REDIS_PAUSED.0, REDIS_PAUSED.1)).await;
                self.resume();
            }
        }
    }
}
