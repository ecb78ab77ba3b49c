//! The subcommands, one file each. `follow` is what `run` and `watch` share.

pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod doctor;
mod follow;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod submit;
pub(crate) mod tools;
pub(crate) mod watch;
