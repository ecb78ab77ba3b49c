//! The fault suite: real processes and a real `redis-server`, killed, stopped and cut off while
//! they work, and a checker that holds what came of it against what was promised.
//!
//! ```text
//!   clients ──> proxy ──> coordinators ──> proxy ──> planners (plans as the goals say)
//!      │                       │
//!      │ what they saw       proxy each
//!      v                       v
//!   checker <── histories ── redis-server <── proxy each ── workers (tools of the test's own)
//!      ^                                                       │
//!      └──────────────── ledger: what the tools did ───────────┘
//! ```
//!
//! | Part | What it is |
//! |---|---|
//! | [`Process`] | a child of ours: signals by its own pid, and every line it says |
//! | [`RedisServer`] | a `redis-server` of the test's own, restarted on its files, emptied, swapped |
//! | [`FaultyProxy`] | a wire that can be cut, frozen, delayed or made to lose replies |
//! | [`ProcessCluster`] | all of these together |
//! | [`Client`] | a client that does not give up |
//! | [`ledger`] | what tools did, written outside of the system |
//! | [`Graph`] | a goal whose text says its plan, so that results and answers can be made again |
//! | [`storm`] | goals without end, and everything that can break |
//! | [`check`] | pure: [`Evidence`] in, [`Violation`]s out |
//!
//! Truth comes from outside: the system's own word is never evidence for itself.
#![allow(clippy::unwrap_used, reason = "what the tests share may panic like the tests")]

mod bugs;
mod check;
mod client;
mod cluster;
mod custody;
mod evidence;
pub mod goal;
mod graph;
pub mod ledger;
pub mod planner;
mod process;
mod proxy;
mod redis_server;
mod stage;
pub mod storm;
pub mod tools;
mod wait;

pub use bugs::{Bug, CommitCounts};
pub use check::{Rule, Violation, check};
pub use client::{Client, Unanswered};
pub use cluster::{ClusterOptions, LEASE, Place, ProcessCluster, Service};
pub use custody::Custody;
pub use evidence::{Cancel, End, Evidence, Handover, Harm, Hit, Seen, Told, Watch};
pub use graph::{Graph, Mix, Node};
pub use process::{Process, Recipe};
pub use proxy::{Fault, FaultyProxy};
pub use redis_server::{RedisOptions, RedisServer, connect};
pub use stage::Stage;
pub use storm::Outcome;
pub use tools::Kind;
pub use wait::{PATIENCE, now_ms, wait_until};
