//! The core of Sortie: what happens in a run, decided without doing anything.
//!
//! The crate is pure. It never waits, reads no clock, draws no random number, starts no task, takes
//! no lock and does no I/O; `clippy.toml` beside its manifest refuses them.
#![warn(missing_docs)]

mod command;
mod decide;
mod decision;
mod event;
mod failure;
mod goal;
mod ids;
mod invariants;
mod plan;
mod result;
mod retry;
mod run;
mod schema;
mod template;
mod time;
mod tool;

pub use command::Command;
pub use decide::{Delivery, WORKER_LOSSES};
pub use decision::{
    CALL_RECHECK, CommitBudget, Context, Decision, Folded, INLINE_INPUT_BYTES, ModelCall,
    ReadyStep, Refusal,
};
pub use event::{Event, NextPlan, PlanCause, PlannedStep, Recorded, StopReason, ToolTerms};
pub use failure::{Failure, FailureKind, Retry};
pub use goal::{
    FailurePolicy, Goal, GoalFault, Limits, MAX_ATTEMPTS, MAX_GOAL_BYTES, MAX_LABEL_BYTES,
    MAX_LABELS, MAX_MODEL_CALLS, MAX_PLAN_REPAIRS, MAX_REPLANS, MAX_RUN_TIMEOUT, MAX_STEPS,
    ReplanPolicy,
};
pub use ids::{
    AttemptNumber, BadId, CommandId, CommitId, Generation, Lane, PlanVersion, QueueName, ResultId,
    RunId, Seq, StepId, StepNumber, ToolName, WorkerName, idempotency_key,
};
pub use invariants::{Breach, check_commit, check_history, check_run};
pub use plan::{Problem, StepDraft};
pub use result::{
    AttemptReport, INLINE_RESULT_BYTES, Outcome, PREVIEW_BYTES, ResultBody, RoleUsage, StepResult,
    Usage, is_empty,
};
pub use retry::RetryPolicy;
pub use run::{
    Broken, MAX_ANSWER_BYTES, MAX_COMMANDS, MAX_PLAN_BYTES, MAX_REJECTED, Plan, Replaced, Run,
    RunState, Step, StepState,
};
pub use schema::{BadSchema, Schema, Violation};
pub use template::{
    BadTemplate, MAX_INPUT_DEPTH, MAX_REFERENCES, Node, Path, Piece, Reference, Segment, Template,
    json_bytes, render,
};
pub use time::Timestamp;
pub use tool::{Catalogue, Effect, ToolSpec};
