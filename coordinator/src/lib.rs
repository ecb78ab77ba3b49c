//! The coordinator: front door, driver of the lanes, watch.
//!
//! | Part | What it does |
//! |---|---|
//! | [`Front`] | answers clients: one file for each RPC |
//! | [`WatchHub`] | tells watchers what happens, from one subscription and one reading of each log |
//! | [`CatalogueWatch`] | knows the tools that workers offer now |

pub mod catalogue;
mod front;
#[cfg(test)]
mod testing;
mod watch;

pub use catalogue::{CatalogueHandle, CatalogueWatch, catalogue};
pub use front::{Front, FrontOptions, FrontParts, Readiness, ServiceOptions, services};
pub use watch::{
    AnswerText, AttemptStarted, Batch, News, Place, WatchError, WatchHub, WatchOptions, Watcher,
    Watches,
};
