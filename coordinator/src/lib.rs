//! The coordinator: front door, driver of the lanes, watch.
//!
//! | Part | What it does |
//! |---|---|
//! | [`Driver`] | turns what arrives for runs into commits, and starts model calls |
//! | [`Planner`] | what the driver asks of a planner; [`GrpcPlanner`] asks it over gRPC |
//! | [`Front`] | answers clients: one file for each RPC |
//! | [`WatchHub`] | tells watchers what happens, from one subscription and one reading of each log |
//! | [`CatalogueWatch`] | knows the tools that workers offer now |
//! | [`process`] | all of it as what `sortie-coordinator` and `sortie coordinator` run |

mod calls;
pub mod catalogue;
mod driver;
mod front;
mod planner;
pub mod process;
#[cfg(test)]
mod testing;
mod watch;

pub use calls::Texts;
pub use catalogue::{CatalogueHandle, CatalogueWatch, catalogue};
pub use driver::{Driver, DriverCounts, DriverHandle, DriverOptions};
pub use front::{Door, Front, FrontOptions, FrontParts, ServiceOptions, services};
pub use planner::{
    AnswerRequest, AnswerWord, Authors, BadPlanner, CallFailed, GrpcPlanner, PlanEnd, PlanRequest,
    PlanWord, Planner, ResultPreview, StepReport,
};
pub use watch::{
    AnswerText, AttemptStarted, Batch, News, Place, WatchError, WatchHub, WatchOptions, Watcher,
    Watches,
};
