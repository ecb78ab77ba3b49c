//! What the tests of this crate share.

mod probe;
mod scribe;

pub(crate) use probe::Probe;
pub(crate) use scribe::Scribe;
