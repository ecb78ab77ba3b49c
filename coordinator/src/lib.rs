//! The coordinator: front door, driver of the lanes, watch.

mod calls;
mod driver;
mod planner;

pub use driver::{Driver, DriverCounts, DriverHandle, DriverOptions};
pub use planner::{AnswerRequest, GrpcPlanner, PlanRequest, Planner, ResultPreview, StepReport};
