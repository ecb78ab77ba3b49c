//! A goal on the command line, and the request that it becomes.

use std::io::{self, Read as _};

use clap::Args;
use prost_types::Duration as WireDuration;
use sortie_engine::{FailurePolicy, Goal};
use sortie_proto::v1;
use sortie_service::config::{FlagValue, LimitSettings, Settings};

use super::{flag_values, labels};
use crate::error::Error;

/// More than this is not even read from stdin; what is between this and the limit is refused with
/// its true size.
const MAX_STDIN_BYTES: u64 = 16 * 1024 * 1024;

/// A goal with its limits.
#[derive(Debug, Args)]
pub(crate) struct GoalArgs {
    /// What you want to know; `-` reads it from stdin
    #[arg(value_name = "GOAL")]
    goal: String,
    /// End the run when a step fails, instead of answering with what is there
    #[arg(long)]
    strict: bool,
    /// How long the run may take: 90s, 5m, 1h30m
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// How long a step may take, over all its attempts
    #[arg(long, value_name = "TIME")]
    step_timeout: Option<String>,
    /// Tries at one step, the first included
    #[arg(long, value_name = "N")]
    attempts: Option<String>,
    /// Steps that the plan may have
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Model calls that the run may make
    #[arg(long, value_name = "N")]
    model_calls: Option<String>,
    /// When to ask for another plan: never, or on-failure if steps failed or found nothing
    #[arg(long, value_name = "WHEN")]
    replan: Option<String>,
    /// A mark for finding the run again; may be given more than once
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// Your own name for this submission: the same name and goal is the same run
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl GoalArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("limits.run_timeout", "--timeout", &self.timeout),
            ("limits.step_timeout", "--step-timeout", &self.step_timeout),
            ("limits.attempts", "--attempts", &self.attempts),
            ("limits.steps", "--steps", &self.steps),
            ("limits.model_calls", "--model-calls", &self.model_calls),
            ("replan", "--replan", &self.replan),
        ])
    }

    pub(crate) fn label_faults(&self) -> Vec<String> {
        labels(&self.labels).1
    }

    /// The request, with every fault that can be seen from here.
    pub(crate) fn request(&self, settings: &Settings) -> Result<v1::SubmitGoalRequest, Error> {
        let policy = if self.strict { FailurePolicy::Strict } else { FailurePolicy::Graceful };
        let goal = Goal {
            policy,
            replan: settings.replan.value,
            limits: settings.limits.values(),
            labels: labels(&self.labels).0.into_iter().collect(),
            ..Goal::new(read_goal(&self.goal)?)
        };
        refuse_faults(&goal)?;
        Ok(v1::SubmitGoalRequest {
            goal: goal.text,
            idempotency_key: self.idempotency_key.clone().unwrap_or_default(),
            policy: match policy {
                FailurePolicy::Graceful => v1::FailurePolicy::Graceful.into(),
                FailurePolicy::Strict => v1::FailurePolicy::Strict.into(),
            },
            limits: Some(limits(&settings.limits)),
            labels: goal.labels.into_iter().collect(),
            replan: v1::ReplanPolicy::from(goal.replan).into(),
        })
    }
}

/// Refuses a goal with all its faults.
pub(crate) fn refuse_faults(goal: &Goal) -> Result<(), Error> {
    let faults: Vec<_> = goal.faults().iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Refused(faults.join("\n"))) }
}

/// The goal itself, or stdin where it is `-`.
pub(crate) fn read_goal(argument: &str) -> Result<String, Error> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_STDIN_BYTES).read_to_end(&mut bytes).map_err(Error::System)?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| Error::Refused("goal: stdin is no UTF-8 text".to_owned()))
}

/// Only what someone set: the server has its own values for the rest.
fn limits(settings: &LimitSettings) -> v1::Limits {
    let wire = |time| WireDuration::try_from(time).unwrap_or_default();
    v1::Limits {
        run_timeout: settings.run_timeout.is_set().then(|| wire(settings.run_timeout.value)),
        step_timeout: settings.step_timeout.value.map(wire),
        attempts: settings.attempts.is_set().then_some(settings.attempts.value),
        plan_repairs: settings.plan_repairs.is_set().then_some(settings.plan_repairs.value),
        steps: settings.steps.is_set().then_some(settings.steps.value),
        model_calls: settings.model_calls.is_set().then_some(settings.model_calls.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_that_someone_set_are_sent() {
        let mut settings = Settings::default();
        assert_eq!(limits(&settings.limits), v1::Limits::default());
        settings.limits.steps.value = 7;
        settings.limits.steps.origin = sortie_service::config::Origin::Flag("--steps");
        assert_eq!(limits(&settings.limits).steps, Some(7));
        assert_eq!(limits(&settings.limits).attempts, None);
    }
}
