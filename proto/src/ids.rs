//! Identifiers out of the wire. What the engine counts starts at 1, so that 0, which is what a
//! field says that was never set, is refused.

use sortie_engine::{AttemptNumber, Generation, PlanVersion, ResultId, RunId, Seq, StepId};

use crate::BadField;

/// The run that `run_id` names.
///
/// # Errors
/// If it is no name of a run.
pub fn run_id(text: &str) -> Result<RunId, BadField> {
    text.parse().map_err(|_| BadField::new("run_id", "is not a run id"))
}

/// The step that `step_id` names.
///
/// # Errors
/// If it is 0.
pub fn step_id(number: u32) -> Result<StepId, BadField> {
    counted("step_id", number).map(StepId::new)
}

/// The try that `attempt` counts.
///
/// # Errors
/// If it is 0.
pub fn attempt(number: u32) -> Result<AttemptNumber, BadField> {
    counted("attempt", number).map(AttemptNumber::new)
}

/// What `generation` counts.
///
/// # Errors
/// If it is 0.
pub fn generation(number: u32) -> Result<Generation, BadField> {
    counted("generation", number).map(Generation::new)
}

/// The place that `seq` tells of an event.
///
/// # Errors
/// If it is 0.
pub fn seq(number: u64) -> Result<Seq, BadField> {
    if number == 0 { Err(from_one("seq")) } else { Ok(Seq::new(number)) }
}

pub(crate) fn version(number: u32) -> Result<PlanVersion, BadField> {
    counted("version", number).map(PlanVersion::new)
}

pub(crate) fn result_id(text: &str) -> Result<ResultId, BadField> {
    text.parse().map_err(|_| BadField::new("result_id", "is no name of a result"))
}

fn counted(field: &'static str, number: u32) -> Result<u32, BadField> {
    if number == 0 { Err(from_one(field)) } else { Ok(number) }
}

fn from_one(field: &'static str) -> BadField {
    BadField::new(field, "must be at least 1")
}
