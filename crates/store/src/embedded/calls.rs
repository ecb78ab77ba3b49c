//! The four traits: each call takes the lock once for its batch and leaves the work to the state.

mod lanes;
mod log;
mod notices;
mod queue;
