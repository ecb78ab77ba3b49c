//! The four traits, each in a file: what goes into a function, and what its answer means.

mod lanes;
mod log;
mod notices;
mod queue;

pub(super) use self::lanes::Fields;
