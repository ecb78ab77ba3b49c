//! The planner service: a goal becomes a plan, results become an answer.
//!
//! [`offline`] holds the rules, as pure functions; [`service()`] is their gRPC face.

pub mod offline;
pub mod reader;
mod service;

pub use service::{MAX_MESSAGE_BYTES, OfflinePlanner, service};
