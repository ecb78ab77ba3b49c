//! Clients of the story: submit goals, some of them twice, and ask for the end of a few.

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{Command, CommandId, CommitId, FailurePolicy, Goal, Lane, ReplanPolicy, RunId};
use sortie_store::{Lanes as _, RunLog as _, Submission};

use super::{Known, LANES, Story, World};

/// Submits goals over the time of trouble; each is acknowledged when this returns.
pub(super) async fn submit_all(world: &World, rng: &mut fastrand::Rng, story: Story) -> Vec<Known> {
    let store = world.faulty(rng.fork());
    let pause = story.trouble / u32::try_from(story.runs).unwrap_or(1);
    let mut runs = Vec::new();
    for number in 0..story.runs {
        let goal = goal(story, number, rng);
        let submission = Submission {
            run: RunId::new(0, Lane(rng.u8(..LANES)), u128::from(rng.u64(..))),
            commit: CommitId::new(rng.u128(..)),
            goal: Arc::new(goal),
            idempotency: None,
        };
        loop {
            match store.submit(vec![submission.clone()]).await {
                Ok(replies) if matches!(replies.as_slice(), [Ok(_)]) => break,
                Ok(replies) => {
                    world.ledger.violation(format!("a submission was refused: {replies:?}"));
                    break;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        runs.push(Known { run: submission.run });
        let cancelled = (rng.u8(..5) == 0).then(|| runs[rng.usize(..runs.len())]);
        tokio::time::sleep(pause).await;
        if let Some(known) = cancelled {
            let command = CommandId::new(&format!("cancel-{number}"));
            world.ledger.asked(known.run, command.clone());
            let cancel = Command::Cancel { command, reason: "enough".to_owned() };
            while store.send(vec![(known.run, cancel.clone())]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    runs
}

fn goal(story: Story, number: usize, rng: &mut fastrand::Rng) -> Goal {
    let mut goal = Goal::new(format!("goal {number}"));
    if story.hurried {
        goal.limits.run_timeout = Duration::from_secs(rng.u64(10..100));
        goal.limits.step_timeout = rng.bool().then(|| Duration::from_secs(rng.u64(5..40)));
    }
    if rng.u8(..4) == 0 {
        // Hardly enough for the plan, its repairs, the answer and the steps that call a model.
        goal.limits.model_calls = rng.u32(2..7);
    }
    match rng.u8(..4) {
        0 => goal.policy = FailurePolicy::Strict,
        1 => goal.replan = ReplanPolicy::OnFailure,
        _ => {}
    }
    goal
}
