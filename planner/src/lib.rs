//! The planner service: a goal becomes a plan, results become an answer.
//!
//! Both are made by a model or by rules. For a model there are its [`prompts`], the [`shape`] that
//! its plans must have, and the [`reader`] that understands them while they are written;
//! [`offline`] holds the rules, as pure functions. [`PlannerService`] is their gRPC face, and [`process`]
//! what `sortie-planner` and `sortie planner` run.

pub mod offline;
pub mod process;
pub mod prompts;
pub mod reader;
mod service;
pub mod shape;

pub use service::{Answers, Author, MAX_MESSAGE_BYTES, PlannerService, Plans, service};
