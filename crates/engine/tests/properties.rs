//! Any order of commands, timely, late, repeated or senseless, with commits of any size: the
//! invariants hold (the kit checks them after each commit) and the run ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod kit;

use std::sync::Arc;

use kit::{World, draft, failure};
use proptest::prelude::*;
use serde_json::json;
use sortie_engine::*;

/// What happens next, with numbers that are taken modulo what there is.
#[derive(Debug, Clone)]
enum Move {
    Plan { number: u32, tool: usize, refers: Vec<u32> },
    EndPlan,
    FailPlan(usize),
    Report { step: u32, attempt_back: u32, outcome: usize },
    Answer(bool),
    Cancel(u8),
    Resume,
    Vanish { step: u32, attempt_back: u32 },
    Wait(u64),
    Stale(u32),
    Room { writes: usize, calls: usize },
}

const TOOLS: [&str; 6] = ["look", "sum", "send", "write", "ask", "fly"];
const KINDS: [FailureKind; 5] = [
    FailureKind::NotFound,
    FailureKind::Unavailable,
    FailureKind::OutcomeUnknown,
    FailureKind::WorkerLost,
    FailureKind::Timeout,
];

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (1..9_u32, 0..TOOLS.len(), proptest::collection::vec(1..9_u32, 0..3))
            .prop_map(|(number, tool, refers)| Move::Plan { number, tool, refers }),
        2 => Just(Move::EndPlan),
        1 => (0..KINDS.len()).prop_map(Move::FailPlan),
        12 => (1..12_u32, 0..2_u32, 0..8_usize)
            .prop_map(|(step, attempt_back, outcome)| Move::Report { step, attempt_back, outcome }),
        2 => any::<bool>().prop_map(Move::Answer),
        1 => (0..4_u8).prop_map(Move::Cancel),
        1 => Just(Move::Resume),
        1 => (1..12_u32, 0..2_u32)
            .prop_map(|(step, attempt_back)| Move::Vanish { step, attempt_back }),
        3 => (0..40_000_u64).prop_map(Move::Wait),
        1 => (0..5_u32).prop_map(Move::Stale),
        2 => (2..6_usize, 0..2_usize).prop_map(|(writes, calls)| Move::Room { writes, calls }),
    ];
    proptest::collection::vec(one, 0..60)
}

fn plan_ends(version: PlanVersion) -> Command {
    Command::PlanEnded { version, usage: Usage::default(), problems: Vec::new() }
}

/// The last attempt at a step, or one of before.
fn an_attempt(world: &World, step: u32, back: u32) -> (StepId, AttemptNumber) {
    let id = StepId::new(step);
    let attempts = world.run.step(id).map_or(1, |step| step.attempts);
    (id, AttemptNumber::new(attempts.saturating_sub(back)))
}

fn play(world: &mut World, one: &Move) {
    let version = world.run.plan().map_or(PlanVersion::FIRST, |plan| plan.version);
    match one {
        Move::Plan { number, tool, refers } => {
            let q: String = refers.iter().map(|n| format!("{{{{{n}.text}}}} ")).collect();
            let mut step = draft(*number, TOOLS[*tool], &q, &[]);
            step.depends_on = refers.iter().map(|n| StepNumber::new(*n)).collect();
            world.take(Command::StepPlanned { version, draft: Arc::new(step) });
        }
        Move::EndPlan => {
            world.take(plan_ends(version));
        }
        Move::FailPlan(kind) => {
            world.take(Command::PlanFailed {
                version,
                failure: failure(KINDS[*kind]),
                usage: Usage::default(),
            });
        }
        Move::Report { step, attempt_back, outcome } => {
            let (id, attempt) = an_attempt(world, *step, *attempt_back);
            let text = if step % 4 == 0 { "" } else { "t" };
            let result = StepResult::inline(json!({ "text": text }));
            let outcome = match KINDS.get(*outcome) {
                Some(kind) => Outcome::Failed(failure(*kind)),
                None => Outcome::Succeeded(result),
            };
            let report = Command::AttemptEnded(AttemptReport {
                step: id,
                attempt,
                outcome,
                worker: "w".into(),
                started_at: world.now,
                workers_lost: *attempt_back,
                usage: Usage::default(),
            });
            world.take_all([report.clone(), report]);
        }
        Move::Answer(good) => {
            let attempt = match world.run.open_call() {
                Some(ModelCall::Answer(attempt)) => attempt,
                _ => AttemptNumber::FIRST,
            };
            let text = Arc::from(if *good { "an answer" } else { "" });
            world.take(Command::AnswerEnded { attempt, text, usage: Usage::default() });
        }
        Move::Cancel(id) => {
            let command = CommandId::new(&id.to_string());
            world.take(Command::Cancel { command, reason: String::new() });
        }
        Move::Resume => {
            world.take(Command::Resume);
        }
        Move::Vanish { step, attempt_back } => {
            let (step, attempt) = an_attempt(world, *step, *attempt_back);
            world.take(Command::AttemptVanished { step, attempt });
        }
        Move::Wait(millis) => {
            world.wait(*millis);
        }
        Move::Stale(back) => {
            let version = PlanVersion::new(version.get().saturating_sub(*back));
            world.take(plan_ends(version));
        }
        Move::Room { writes, calls } => {
            world.budget.writes = *writes;
            world.budget.calls = *calls;
        }
    }
}

/// From wherever it is, with nobody answering any more: time alone ends every run.
fn runs_out(world: &mut World) {
    for _ in 0..2_000 {
        if world.run.state().is_terminal() {
            return;
        }
        world.wait_for_timer();
    }
    panic!("the run never ends: {:?}", world.run);
}

fn goal(strict: bool, step_timeout: bool, replan: bool) -> Goal {
    let mut goal = Goal::new("g");
    goal.policy = if strict { FailurePolicy::Strict } else { FailurePolicy::Graceful };
    goal.replan = if replan { ReplanPolicy::OnFailure } else { ReplanPolicy::Never };
    goal.limits.step_timeout = step_timeout.then(|| std::time::Duration::from_secs(20));
    goal.limits.run_timeout = std::time::Duration::from_secs(600);
    goal.limits.steps = 6;
    goal.limits.model_calls = 12;
    goal
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_whatever_comes(moves in moves(), strict: bool, step_timeout: bool, replan: bool) {
        let mut world = World::submitted(goal(strict, step_timeout, replan));
        for one in &moves {
            play(&mut world, one);
        }
        runs_out(&mut world);
    }

    #[test]
    fn one_large_commit_and_many_small_ones_end_in_the_same_steps(
        tools in proptest::collection::vec(0..2_usize, 1..6),
        edges in proptest::collection::vec((1..6_u32, 1..6_u32), 0..8),
    ) {
        let steps: Vec<_> = (1_u32..).zip(&tools).map(|(number, tool)| {
            let before: Vec<_> = edges.iter().filter(|(to, from)| *to == number && *from < number)
                .map(|(_, from)| *from).collect();
            draft(number, TOOLS[*tool], "x", &before)
        }).collect();
        let mut together = World::planned(goal(false, false, false), &steps);
        let mut apart = World::new(goal(false, false, false));
        for step in &steps {
            apart.take(apart.arrives(step));
        }
        apart.take(apart.plan_ends());
        prop_assert_eq!(together.states(), apart.states());
        for world in [&mut together, &mut apart] {
            while world.run.open_call().is_none() {
                let queued: Vec<_> = world.states().into_iter()
                    .filter(|(_, state)| *state == "queued").map(|(number, _)| number).collect();
                prop_assert!(!queued.is_empty());
                for number in queued {
                    world.succeeds(number);
                }
            }
            world.answers("done");
        }
        prop_assert_eq!(together.states(), apart.states());
        prop_assert!(!together.run.is_partial());
    }
}
