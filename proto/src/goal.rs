//! Goals on the wire: what a client asks for, checked whole.

use std::time::Duration;

use sortie_engine::{FailurePolicy, Goal, Limits, ReplanPolicy};

use crate::{BadField, time, v1};

/// The goal that a client submits. What it does not say takes the value of `defaults`.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn from_request(
    request: &v1::SubmitGoalRequest,
    defaults: &Limits,
) -> Result<Goal, Vec<BadField>> {
    let mut faults = Vec::new();
    let policy = policy(request.policy).unwrap_or_else(|bad| {
        faults.push(bad);
        FailurePolicy::default()
    });
    let replan = replan(request.replan).unwrap_or_else(|bad| {
        faults.push(bad);
        ReplanPolicy::default()
    });
    let limits = limits(request.limits.as_ref(), defaults, &mut faults);
    let labels = request.labels.clone();
    let goal = Goal { text: request.goal.clone(), policy, replan, limits, labels };
    let of_goal = goal.faults().into_iter().map(|fault| BadField::new(fault.field, fault.message));
    faults.extend(of_goal);
    if faults.is_empty() { Ok(goal) } else { Err(faults) }
}

fn policy(policy: i32) -> Result<FailurePolicy, BadField> {
    match v1::FailurePolicy::try_from(policy) {
        Ok(v1::FailurePolicy::Unspecified | v1::FailurePolicy::Graceful) => {
            Ok(FailurePolicy::Graceful)
        }
        Ok(v1::FailurePolicy::Strict) => Ok(FailurePolicy::Strict),
        Err(_) => Err(BadField::new("policy", format!("has no value {policy}"))),
    }
}

fn replan(policy: i32) -> Result<ReplanPolicy, BadField> {
    match v1::ReplanPolicy::try_from(policy) {
        Ok(v1::ReplanPolicy::Unspecified | v1::ReplanPolicy::Never) => Ok(ReplanPolicy::Never),
        Ok(v1::ReplanPolicy::OnFailure) => Ok(ReplanPolicy::OnFailure),
        Err(_) => Err(BadField::new("replan", format!("has no value {policy}"))),
    }
}

fn limits(asked: Option<&v1::Limits>, defaults: &Limits, faults: &mut Vec<BadField>) -> Limits {
    let Some(asked) = asked else { return defaults.clone() };
    let mut span = |field, span: Option<prost_types::Duration>| -> Option<Duration> {
        time::from_wire(field, &span?).map_err(|bad| faults.push(bad)).ok()
    };
    Limits {
        run_timeout: span("limits.run_timeout", asked.run_timeout).unwrap_or(defaults.run_timeout),
        step_timeout: span("limits.step_timeout", asked.step_timeout).or(defaults.step_timeout),
        attempts: asked.attempts.unwrap_or(defaults.attempts),
        plan_repairs: asked.plan_repairs.unwrap_or(defaults.plan_repairs),
        steps: asked.steps.unwrap_or(defaults.steps),
        model_calls: asked.model_calls.unwrap_or(defaults.model_calls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(goal: &str) -> v1::SubmitGoalRequest {
        v1::SubmitGoalRequest { goal: goal.to_owned(), ..Default::default() }
    }

    #[test]
    fn what_is_not_said_takes_the_servers_value() {
        let defaults = Limits { attempts: 7, ..Limits::default() };
        let mut request = asked("why?");
        assert_eq!(from_request(&request, &defaults).unwrap().limits, defaults);
        request.limits = Some(v1::Limits { plan_repairs: Some(0), ..Default::default() });
        let goal = from_request(&request, &defaults).unwrap();
        assert_eq!(goal.limits, Limits { plan_repairs: 0, ..defaults });
        assert_eq!(goal.policy, FailurePolicy::Graceful);
    }

    #[test]
    fn faults_of_the_wire_and_of_the_goal_are_told_together() {
        let mut request = asked(" ");
        request.policy = 9;
        request.replan = 7;
        request.labels.insert(String::new(), "x".to_owned());
        request.limits = Some(v1::Limits {
            run_timeout: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            steps: Some(0),
            ..Default::default()
        });
        let faults = from_request(&request, &Limits::default()).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            ["policy", "replan", "limits.run_timeout", "goal", "limits.steps", "labels"]
        );
    }
}
