//! The answer: one call at a time, a few attempts, recorded once.

use std::sync::Arc;

use super::stopping;
use crate::decision::{Context, Decision, ModelCall, Refusal};
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::ids::AttemptNumber;
use crate::result::Usage;
use crate::retry::mix;
use crate::run::{MAX_ANSWER_BYTES, Run};

impl Run {
    pub(super) fn answer_ended(
        &self,
        attempt: AttemptNumber,
        text: &Arc<str>,
        usage: Usage,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        if !self.is_open(ModelCall::Answer(attempt))? {
            return Ok(Decision::default());
        }
        let complaint = if text.trim().is_empty() {
            Some("the answer is empty".to_owned())
        } else if text.len() > MAX_ANSWER_BYTES {
            let size = text.len();
            Some(format!("the answer has {size} bytes, at most {MAX_ANSWER_BYTES} fit"))
        } else {
            None
        };
        if let Some(message) = complaint {
            let failure = Failure::new(FailureKind::InvalidAnswer, message);
            return self.answer_failed(attempt, &failure, usage, cx);
        }
        let partial = self.plan_steps().any(|step| step.result().is_none());
        let event = Event::RunSucceeded { answer: text.clone(), partial, usage };
        Ok(Decision::just(event))
    }

    pub(super) fn answer_failed(
        &self,
        attempt: AttemptNumber,
        failure: &Failure,
        usage: Usage,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        if !self.is_open(ModelCall::Answer(attempt))? {
            return Ok(Decision::default());
        }
        let failures = self.tally.answer_failures + 1;
        let room = failures < cx.retry.calls && self.may_answer();
        let seed = mix(cx.seed ^ u64::from(attempt.get()));
        let retry_at = cx
            .retry
            .pause(failure, failures, seed)
            .filter(|_| room)
            .map(|pause| cx.now + pause)
            .filter(|at| *at < self.deadline());
        let failure = failure.clipped();
        let end = retry_at.is_none().then(|| stopping(failure.clone()));
        let mut events = vec![Event::AnswerAttemptFailed { attempt, failure, retry_at, usage }];
        events.extend(end);
        Ok(Decision { events, ..Decision::default() })
    }

    /// Whether the run's cap of model calls leaves room for an answer.
    pub(super) fn may_answer(&self) -> bool {
        self.tally.model_calls < self.goal.limits.model_calls
    }
}
