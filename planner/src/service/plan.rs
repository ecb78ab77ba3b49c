//! A plan by a model: its text goes through the reader, and each step leaves as soon as it is
//! complete.
//!
//! ```text
//! info → kept steps → step … (beat) … step → end
//!                       └ or a status, if the model fails
//! ```

use std::collections::VecDeque;

use sortie_engine::{Failure, FailureKind, Problem, StepDraft, Usage};
use sortie_llm::{Ending, StopReason, Tokens};
use sortie_models::Model;
use sortie_proto::v1;
use sortie_proto::v1::make_plan_response::Part;

use super::call::{Call, Failed, Record};
use super::voice::{Said, Voice};
use crate::prompts::{PlanPrompts, copied_name, kept};
use crate::reader::{PlanReader, ToolInputs};

pub(super) struct PlanCall {
    model: Model,
    voice: Option<Voice>,
    reader: PlanReader,
    /// What the goal and the results before say: names in it are no examples'.
    known: String,
    /// Steps that speak of an example instead of the goal.
    copied: Vec<Problem>,
    parts: VecDeque<Part>,
    record: Record,
}

impl PlanCall {
    pub(super) fn new(
        model: &Model,
        prompts: &PlanPrompts,
        request: &v1::MakePlanRequest,
        max_steps: usize,
    ) -> Self {
        let kept = kept(request);
        let room = max_steps.saturating_sub(kept.len()).max(1);
        let asked = prompts.request(request, room);
        let record = Record::new(&request.run_id, request.version, asked.purpose);
        let info = v1::PlannerInfo { planner: model.name().to_string() };
        let parts = std::iter::once(Part::Info(info)).chain(kept.into_iter().map(Part::Step));
        Self {
            model: model.clone(),
            voice: Some(Voice::ask(model, asked)),
            reader: PlanReader::new(ToolInputs::new(&request.tools), room),
            known: known(request),
            copied: Vec::new(),
            parts: parts.collect(),
            record,
        }
    }

    fn read(&mut self, text: &str) {
        for step in self.reader.push(text) {
            self.copied.extend(self.copied(&step));
            self.parts.push_back(Part::Step(step.into()));
        }
        if self.reader.is_over() {
            // The rest cannot matter: the call ends here, and nobody says what it used.
            self.end(Ending { stop: StopReason::Complete, tokens: Tokens::default() });
        }
    }

    fn copied(&self, step: &StepDraft) -> Option<Problem> {
        let name = copied_name(step, &self.known)?;
        let message = format!(
            "is about `{name}`, which is only in an example: plan for the goal, with its own names"
        );
        Some(Problem { step: Some(step.number), message })
    }

    fn end(&mut self, ending: Ending) {
        self.voice = None;
        let empty = PlanReader::new(ToolInputs::default(), 0);
        let mut problems = std::mem::replace(&mut self.reader, empty).finish(ending.stop);
        problems.append(&mut self.copied);
        self.record.wrote(&self.model, ending, problems.len());
        let usage = Some(self.model.usage(ending.tokens).into());
        let problems = problems.into_iter().map(Into::into).collect();
        self.parts.push_back(Part::End(v1::PlanEnd { usage, problems }));
    }

    fn fail(&mut self, failure: Failure, usage: Usage) -> Failed {
        self.voice = None;
        self.record.failed(&self.model, &failure);
        Failed { failure, usage }
    }
}

impl Call for PlanCall {
    type Response = v1::MakePlanResponse;

    async fn next(&mut self) -> Option<Result<v1::MakePlanResponse, Failed>> {
        let part = loop {
            if let Some(part) = self.parts.pop_front() {
                break part;
            }
            match self.voice.as_mut()?.next().await {
                Ok(Said::Quiet) => break Part::Beat(v1::Beat {}),
                Ok(Said::Text(text)) => self.read(&text),
                Ok(Said::Ended(Ending { stop: StopReason::Filtered, tokens })) => {
                    let usage = self.model.usage(tokens);
                    return Some(Err(self.fail(refused(&self.model), usage)));
                }
                Ok(Said::Ended(ending)) => self.end(ending),
                Err(failure) => {
                    let used = self.voice.as_ref();
                    let used = used.map(|voice| voice.used(&self.model, &failure));
                    return Some(Err(self.fail(failure, used.unwrap_or_default())));
                }
            }
        };
        if let Some(voice) = &mut self.voice {
            voice.sent();
        }
        Some(Ok(v1::MakePlanResponse { part: Some(part) }))
    }
}

/// Asked again it would refuse again.
fn refused(model: &Model) -> Failure {
    let message = format!(
        "{} does not plan this goal: it refused, or its provider's filter cut it off. Say the goal \
         in other words, or use another model",
        model.name()
    );
    Failure::new(FailureKind::Unplannable, message)
}

fn known(request: &v1::MakePlanRequest) -> String {
    use v1::step_report::Outcome;
    let old = request.replan.iter().flat_map(|replan| &replan.steps);
    let found = old.filter_map(|step| match &step.outcome {
        Some(Outcome::Result(preview)) => Some(preview.json.as_str()),
        _ => None,
    });
    std::iter::once(request.goal.as_str()).chain(found).collect::<Vec<_>>().join("\n")
}
