//! An answer by a model: its text is handed on as it comes.

use std::collections::VecDeque;

use sortie_engine::{Failure, FailureKind};
use sortie_llm::{Ending, StopReason};
use sortie_models::Model;
use sortie_proto::v1;
use sortie_proto::v1::synthesize_response::Part;

use super::call::{Call, Failed, Record};
use super::voice::{Said, Voice};
use crate::prompts::AnswerPrompt;

/// Stands below an answer that is not whole: half an answer that says so is worth more than none.
const CUT_OFF: &str = "\n\n(The answer is cut off here: the model may write no more.)";

pub(super) struct AnswerCall {
    model: Model,
    voice: Option<Voice>,
    max_bytes: usize,
    bytes: usize,
    parts: VecDeque<Part>,
    record: Record,
}

impl AnswerCall {
    pub(super) fn new(
        model: &Model,
        prompt: &AnswerPrompt,
        request: &v1::SynthesizeRequest,
        max_bytes: usize,
    ) -> Self {
        let asked = prompt.request(request);
        let record = Record::new(&request.run_id, request.attempt, asked.purpose);
        Self {
            model: model.clone(),
            voice: Some(Voice::ask(model, asked)),
            max_bytes,
            bytes: 0,
            parts: VecDeque::new(),
            record,
        }
    }

    fn hand_on(&mut self, text: String) -> Result<(), Failed> {
        self.bytes += text.len();
        if self.bytes > self.max_bytes {
            let message = format!(
                "the answer of {} is longer than {} bytes",
                self.model.name(),
                self.max_bytes
            );
            return Err(self.failed(Failure::new(FailureKind::InvalidAnswer, message)));
        }
        self.parts.push_back(Part::Text(text));
        Ok(())
    }

    fn failed(&self, failure: Failure) -> Failed {
        let used = self.voice.as_ref().map(|voice| voice.used(&self.model, &failure));
        let usage = used.unwrap_or_default();
        Failed { failure, usage }
    }

    fn end(&mut self, ending: Ending) -> Result<(), Failed> {
        match ending.stop {
            StopReason::Complete => {}
            // An answer of nothing is the engine's to refuse.
            StopReason::Length if self.bytes == 0 => {}
            StopReason::Length if self.bytes + CUT_OFF.len() > self.max_bytes => {}
            StopReason::Length => self.parts.push_back(Part::Text(CUT_OFF.to_owned())),
            StopReason::Filtered => {
                let usage = self.model.usage(ending.tokens);
                return Err(Failed { failure: refused(&self.model), usage });
            }
        }
        self.voice = None;
        self.record.wrote(&self.model, ending, 0);
        let usage = Some(self.model.usage(ending.tokens).into());
        self.parts.push_back(Part::End(v1::AnswerEnd { usage }));
        Ok(())
    }
}

impl Call for AnswerCall {
    type Response = v1::SynthesizeResponse;

    async fn next(&mut self) -> Option<Result<v1::SynthesizeResponse, Failed>> {
        let part = loop {
            if let Some(part) = self.parts.pop_front() {
                break part;
            }
            let heard = match self.voice.as_mut()?.next().await {
                Ok(Said::Quiet) => break Part::Beat(v1::Beat {}),
                Ok(Said::Text(text)) => self.hand_on(text),
                Ok(Said::Ended(ending)) => self.end(ending),
                Err(failure) => Err(self.failed(failure)),
            };
            if let Err(failed) = heard {
                self.voice = None;
                self.record.failed(&self.model, &failed.failure);
                return Some(Err(failed));
            }
        };
        if let Some(voice) = &mut self.voice {
            voice.sent();
        }
        Some(Ok(v1::SynthesizeResponse { part: Some(part) }))
    }
}

/// Asked again it would refuse again.
fn refused(model: &Model) -> Failure {
    let message = format!(
        "{} does not answer from these results: it refused, or its provider's filter cut it off",
        model.name()
    );
    Failure::new(FailureKind::PermissionDenied, message)
}
