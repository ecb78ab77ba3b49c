//! The plan reader from the outside: what models write goes in, steps and problems come out.
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of tests, which clippy takes for ordinary code"
)]

#[path = "../kit/mod.rs"]
mod kit;

mod fixtures;
mod properties;
mod streaming;

use sortie_engine::{Problem, StepDraft};
use sortie_llm::StopReason;
use sortie_planner::reader::{PlanReader, ToolInputs};

/// So many steps the readers of these tests allow.
const MAX_STEPS: usize = 12;

fn reader() -> PlanReader {
    PlanReader::new(ToolInputs::new(&kit::tools()), MAX_STEPS)
}

/// What comes of a text in these pieces.
fn read<'p>(
    pieces: impl IntoIterator<Item = &'p str>,
    stop: StopReason,
) -> (Vec<StepDraft>, Vec<Problem>) {
    let mut reader = reader();
    let steps = pieces.into_iter().flat_map(|piece| reader.push(piece)).collect();
    (steps, reader.finish(stop))
}
