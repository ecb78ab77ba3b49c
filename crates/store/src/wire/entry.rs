//! Attempts that wait for a worker.

use std::sync::Arc;

use prost::Message as _;
use sortie_engine::StepNumber;
use sortie_proto::{BadField, ids, json, store_v1, time};
use store_v1::entry_input::Value as WireValue;

use super::{BadBytes, read};
use crate::queue::{Input, InputValue, ReadyEntry};

/// An attempt for its queue.
pub(crate) fn encode(entry: &ReadyEntry) -> Vec<u8> {
    let message = store_v1::ReadyEntry {
        run_id: entry.run.to_string(),
        step_id: entry.step.get(),
        attempt: entry.attempt.get(),
        generation: entry.generation.get(),
        step: Some(entry.planned.as_ref().into()),
        terms: Some(entry.terms.as_ref().into()),
        inputs: entry.inputs.iter().map(input_to_wire).collect(),
        deadline: Some(time::point_to_wire(entry.deadline)),
        workers_lost: entry.workers_lost,
    };
    message.encode_to_vec()
}

/// The attempt that an entry of a queue tells of.
pub(crate) fn decode(bytes: &[u8]) -> Result<ReadyEntry, BadBytes> {
    read("a ready entry", bytes, from_wire)
}

fn from_wire(entry: store_v1::ReadyEntry) -> Result<ReadyEntry, BadField> {
    let step = entry.step.ok_or_else(|| BadField::new("step", "is not set"))?;
    let terms = entry.terms.ok_or_else(|| BadField::new("terms", "is not set"))?;
    Ok(ReadyEntry {
        run: ids::run_id(&entry.run_id)?,
        step: ids::step_id(entry.step_id)?,
        attempt: ids::attempt(entry.attempt)?,
        generation: ids::generation(entry.generation)?,
        planned: Arc::new(step.try_into()?),
        terms: Arc::new(terms.try_into()?),
        inputs: entry.inputs.into_iter().map(input_from_wire).collect::<Result<_, _>>()?,
        deadline: time::point_from_wire("deadline", entry.deadline)?,
        workers_lost: entry.workers_lost,
    })
}

fn input_to_wire(input: &Input) -> store_v1::EntryInput {
    let value = match &input.value {
        InputValue::Here(value) => WireValue::Json(json::to_wire(value)),
        InputValue::Recorded(step) => WireValue::StepId(step.get()),
    };
    store_v1::EntryInput { step_number: input.number.get(), value: Some(value) }
}

fn input_from_wire(input: store_v1::EntryInput) -> Result<Input, BadField> {
    let value = match input.value {
        Some(WireValue::Json(text)) => InputValue::Here(Arc::new(json::from_wire("json", &text)?)),
        Some(WireValue::StepId(step)) => InputValue::Recorded(ids::step_id(step)?),
        None => return Err(BadField::new("value", "is not set or not known")),
    };
    Ok(Input { number: StepNumber::new(input.step_number), value })
}
