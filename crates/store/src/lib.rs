//! The durable part of Sortie: four small traits, their implementations, and the contract suite
//! that every implementation passes.
//!
//! | Trait | For | Used by |
//! |---|---|---|
//! | [`RunLog`] | histories: submit, commit, load, list | coordinators |
//! | [`ReadyQueue`] | attempts: claim, extend, complete, release, steal | workers |
//! | [`Lanes`] | ownership, inboxes, timers | coordinators |
//! | [`Notices`] | what is live: signals, presence | all |
//!
//! [`Embedded`] keeps everything in memory, for one machine. [`Redis`] keeps it in a Redis that any
//! number of processes share. The feature `contract` gives the suite,
//! for whoever adds a store or wraps one.
//!
//! Every operation takes a batch and answers for each item; an item's failure leaves the others
//! alone. Nothing here decides what happens in a run: that is the engine's.
#![warn(missing_docs)]

mod arrival;
mod broadcast;
mod clock;
mod contact;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod embedded;
mod error;
mod lanes;
mod log;
mod notices;
mod queue;
mod redis;
mod wire;

pub use arrival::{answered, arrive};
pub use clock::Clock;
pub use contact::{Contact, Working};
pub use embedded::{Embedded, EmbeddedOptions};
pub use error::StoreError;
pub use lanes::{InboxCursor, InboxId, InboxItem, LaneOwner, Lanes};
pub use log::{
    Commit, CommitReply, History, ListPage, ListQuery, PageToken, RunLog, RunSummary, Submission,
    SubmitRefusal, Submitted,
};
pub use notices::{Notices, Presence, Service, Signal, Signals};
pub use queue::{
    Claimed, Completed, Completion, Extended, Input, InputValue, ReadyEntry, ReadyQueue, Recalls,
    Token,
};
pub use redis::{ConnectError, Durability, Finding, Health, Redis, RedisOptions, Verdict, inspect};

/// Everything durable behind one handle.
pub trait Store: RunLog + ReadyQueue + Lanes + Notices {}

impl<S: RunLog + ReadyQueue + Lanes + Notices> Store for S {}
