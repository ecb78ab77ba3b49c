//! Signals for watchers.

use std::sync::Arc;

use prost::Message as _;
use sortie_engine::{StepNumber, WorkerName};
use sortie_proto::{BadField, ids, store_v1, time, v1};
use store_v1::signal::Kind;

use super::{BadBytes, read};
use crate::notices::Signal;

/// A signal for whoever listens.
pub(crate) fn encode(signal: &Signal) -> Vec<u8> {
    let kind = match signal {
        Signal::Committed { run: _, seq } => {
            Kind::Committed(store_v1::Committed { seq: seq.get() })
        }
        Signal::AttemptStarted { run: _, step, number, attempt, worker, at } => {
            Kind::AttemptStarted(v1::AttemptStarted {
                step_id: step.get(),
                step_number: number.get(),
                attempt: attempt.get(),
                worker: worker.to_string(),
                at: Some(time::point_to_wire(*at)),
            })
        }
        Signal::AnswerText { run: _, attempt, offset, text } => Kind::AnswerText(v1::AnswerText {
            attempt: attempt.get(),
            offset: *offset,
            text: text.to_string(),
        }),
        Signal::AnswerTextWanted { run: _ } => {
            Kind::AnswerTextWanted(store_v1::AnswerTextWanted {})
        }
    };
    store_v1::Signal { run_id: signal.run().to_string(), kind: Some(kind) }.encode_to_vec()
}

/// The signal that was published.
pub(crate) fn decode(bytes: &[u8]) -> Result<Signal, BadBytes> {
    read("a signal", bytes, from_wire)
}

fn from_wire(signal: store_v1::Signal) -> Result<Signal, BadField> {
    let run = ids::run_id(&signal.run_id)?;
    Ok(match signal.kind.ok_or_else(|| BadField::new("kind", "is not set or not known"))? {
        Kind::Committed(m) => Signal::Committed { run, seq: ids::seq(m.seq)? },
        Kind::AttemptStarted(m) => Signal::AttemptStarted {
            run,
            step: ids::step_id(m.step_id)?,
            number: StepNumber::new(m.step_number),
            attempt: ids::attempt(m.attempt)?,
            worker: WorkerName::new(&m.worker),
            at: time::point_from_wire("at", m.at)?,
        },
        Kind::AnswerText(m) => Signal::AnswerText {
            run,
            attempt: ids::attempt(m.attempt)?,
            offset: m.offset,
            text: Arc::from(m.text),
        },
        Kind::AnswerTextWanted(_) => Signal::AnswerTextWanted { run },
    })
}
