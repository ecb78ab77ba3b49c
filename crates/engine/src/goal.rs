//! What a client asks for, with its limits.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The largest goal, in bytes: far above what anyone types, far below what a model reads well.
pub const MAX_GOAL_BYTES: usize = 64 * 1024;
/// The largest number of labels of a run: they are kept in the run's summary, in memory.
pub const MAX_LABELS: usize = 32;
/// The largest key or value of a label, in bytes.
pub const MAX_LABEL_BYTES: usize = 256;

/// What the client asks for, with its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The client's words.
    pub text: String,
    /// What a failed step means for the others.
    pub policy: FailurePolicy,
    /// When another plan is asked for.
    pub replan: ReplanPolicy,
    /// How much the run may use.
    pub limits: Limits,
    /// The client's own marks, for finding the run again.
    pub labels: BTreeMap<String, String>,
}

/// What a failed step means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// The others go on, the failed step's dependents are skipped, the answer names what is missing.
    #[default]
    Graceful,
    /// The rest is cancelled and the run fails.
    Strict,
}

/// When a run whose plan was carried out asks for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplanPolicy {
    /// The answer is made of what there is.
    #[default]
    Never,
    /// When every step has ended and one of them failed or found nothing.
    OnFailure,
}

/// How much a run may use. Each has a ceiling that no client can lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From submission to the end.
    pub run_timeout: Duration,
    /// From the moment a step is first queued to its end, over all attempts.
    pub step_timeout: Option<Duration>,
    /// Tries at one step, the first included.
    pub attempts: u32,
    /// New plan versions because of faults in the plan.
    pub plan_repairs: u32,
    /// Steps of one plan version.
    pub steps: u32,
    /// Planner calls, answer calls and attempts of model tools together.
    pub model_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            run_timeout: Duration::from_secs(3600),
            step_timeout: None,
            attempts: 3,
            plan_repairs: 2,
            steps: 64,
            model_calls: 64,
        }
    }
}

/// No run lives longer: a forgotten run is a bill.
pub const MAX_RUN_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// No plan version has more steps: what a person can still look at, and what one commit can hold.
pub const MAX_STEPS: u32 = 1024;
/// No step is tried more often: an endless retry is a bill.
pub const MAX_ATTEMPTS: u32 = 20;
/// No plan is repaired more often: a planner that failed this often will not learn it.
pub const MAX_PLAN_REPAIRS: u32 = 5;
/// No run asks for more plans because steps failed: what three other ways did not find is not there.
pub const MAX_REPLANS: u32 = 3;
/// No run makes more model calls.
pub const MAX_MODEL_CALLS: u32 = 10_000;

/// One fault of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalFault {
    /// The field, as the API names it: `goal`, `limits.steps`.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for GoalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl Goal {
    /// A goal with the usual limits.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            policy: FailurePolicy::default(),
            replan: ReplanPolicy::default(),
            limits: Limits::default(),
            labels: BTreeMap::new(),
        }
    }

    /// Everything that is wrong with it; nothing if it can be submitted.
    #[must_use]
    pub fn faults(&self) -> Vec<GoalFault> {
        let mut faults = Vec::new();
        let mut fault = |field, message: String| faults.push(GoalFault { field, message });
        if self.text.trim().is_empty() {
            fault("goal", "is empty: say what you want to know".to_owned());
        }
        if self.text.len() > MAX_GOAL_BYTES {
            let message = format!("has {} bytes, at most {MAX_GOAL_BYTES} fit", self.text.len());
            fault("goal", message);
        }
        let limits = &self.limits;
        if limits.run_timeout.is_zero() || limits.run_timeout > MAX_RUN_TIMEOUT {
            let most = MAX_RUN_TIMEOUT.as_secs();
            fault("limits.run_timeout", format!("must be above 0 and at most {most} s"));
        }
        if limits.step_timeout.is_some_and(|t| t.is_zero()) {
            fault("limits.step_timeout", "must be above 0".to_owned());
        }
        for (field, value, least, most) in [
            ("limits.attempts", limits.attempts, 1, MAX_ATTEMPTS),
            ("limits.plan_repairs", limits.plan_repairs, 0, MAX_PLAN_REPAIRS),
            ("limits.steps", limits.steps, 1, MAX_STEPS),
            ("limits.model_calls", limits.model_calls, 2, MAX_MODEL_CALLS),
        ] {
            if !(least..=most).contains(&value) {
                fault(field, format!("is {value}, must lie between {least} and {most}"));
            }
        }
        if self.policy == FailurePolicy::Strict && self.replan == ReplanPolicy::OnFailure {
            let message = "a strict run ends with its first failure: leave out one of the two";
            fault("replan", message.to_owned());
        }
        self.label_faults(&mut fault);
        faults
    }

    fn label_faults(&self, fault: &mut impl FnMut(&'static str, String)) {
        if self.labels.len() > MAX_LABELS {
            fault("labels", format!("are {}, at most {MAX_LABELS} fit", self.labels.len()));
        }
        let too_long = |(key, value): &(&String, &String)| {
            key.is_empty() || key.len() > MAX_LABEL_BYTES || value.len() > MAX_LABEL_BYTES
        };
        if self.labels.iter().any(|label| too_long(&label)) {
            let message =
                format!("need a key, and keys and values of at most {MAX_LABEL_BYTES} bytes");
            fault("labels", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_goal_is_reported_at_once() {
        let mut goal = Goal::new("  ");
        goal.limits.steps = 0;
        goal.limits.model_calls = 1;
        goal.limits.run_timeout = Duration::ZERO;
        goal.labels.insert(String::new(), "x".to_owned());
        let fields: Vec<_> = goal.faults().iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            ["goal", "limits.run_timeout", "limits.steps", "limits.model_calls", "labels"]
        );
    }

    #[test]
    fn a_goal_of_one_mebibyte_is_refused_by_size() {
        let faults = Goal::new("x".repeat(1 << 20)).faults();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.contains("65536"), "{}", faults[0]);
    }
}
