//! A planner that writes whatever its seed says: sound plans of any shape, plans with faults, calls
//! that break off, hang or cannot plan. What it plans for a run depends only on the run, so that a
//! repair may find the same steps again.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sortie_coordinator::{
    AnswerRequest, AnswerWord, Authors, CallFailed, PlanEnd, PlanRequest, PlanWord, Planner,
    StepReport,
};
use sortie_engine::{
    Failure, FailureKind, ModelCall, PlanVersion, RunId, StepDraft, StepNumber, Usage,
};
use tokio::sync::mpsc;

use super::{World, values};

/// The tools of the story: most are named by what they do to the world.
pub(super) const TOOLS: [&str; 6] = ["pure", "read", "idempotent", "once", LARGE, MODEL];
/// The tool whose results are large.
pub(super) const LARGE: &str = "large";
/// The tool that calls a model.
pub(super) const MODEL: &str = "model";

pub(super) struct ScriptedPlanner {
    pub(super) seed: u64,
    pub(super) world: World,
}

impl ScriptedPlanner {
    fn rng(&self, run: RunId, salt: u64) -> fastrand::Rng {
        let run = run.unique();
        fastrand::Rng::with_seed(self.seed ^ (run as u64).wrapping_mul(0x9e37_79b9) ^ salt << 48)
    }

    async fn begins(&self, run: RunId, call: ModelCall) {
        self.world.ledger.call_began(&self.world.store, run, call).await;
    }
}

#[async_trait]
impl Planner for ScriptedPlanner {
    async fn describe(&self) -> Authors {
        Authors::from("a script")
    }

    async fn make_plan(
        &self,
        request: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        self.begins(request.run, ModelCall::Plan(request.version)).await;
        let mut mood = self.rng(request.run, u64::from(request.version.get()));
        let mut plan = sound_plan(&mut self.rng(request.run, 0));
        if !request.replan.is_empty() {
            if mood.u8(..5) == 0 {
                return Err(Failure::new(FailureKind::Unplannable, "there is no other way").into());
            }
            change(&mut plan, &request.replan, request.version, &mut mood);
        }
        match mood.u8(..12) {
            0 => spoil(&mut plan, &mut mood),
            1 => plan.truncate(mood.usize(..plan.len())),
            _ => {}
        }
        let breaks_off = mood.u8(..10) == 0;
        let hangs = mood.u8(..15) == 0;
        for draft in plan {
            tokio::time::sleep(Duration::from_millis(mood.u64(..400))).await;
            if breaks_off && mood.bool() {
                return Err(Failure::new(FailureKind::Unavailable, "the planner broke off").into());
            }
            if words.send(PlanWord::Step(draft)).await.is_err() {
                break;
            }
        }
        if hangs {
            std::future::pending::<()>().await;
        }
        let usage = Usage { model_calls: 1, ..Usage::default() };
        Ok(PlanEnd { usage, problems: Vec::new() })
    }

    async fn synthesize(
        &self,
        request: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        self.begins(request.run, ModelCall::Answer(request.attempt)).await;
        let mut mood = self.rng(request.run, 1000 + u64::from(request.attempt.get()));
        tokio::time::sleep(Duration::from_millis(mood.u64(..1500))).await;
        if mood.u8(..8) == 0 {
            return Err(Failure::new(FailureKind::Unavailable, "no answer today").into());
        }
        // The answer is a function of the results: a checker can tell what it should be.
        for step in &request.steps {
            let json = step.outcome.as_ref().ok().map(|preview| preview.json.as_str());
            if words.send(AnswerWord::Text(values::said(step.number, json))).await.is_err() {
                break;
            }
        }
        Ok(Usage { model_calls: 1, ..Usage::default() })
    }
}

/// A plan of random shape without faults.
fn sound_plan(rng: &mut fastrand::Rng) -> Vec<StepDraft> {
    let count = rng.u32(1..9);
    let mut plan: Vec<_> = (1..=count)
        .map(|number| {
            let mut before: Vec<_> = (1..number).filter(|_| rng.u8(..3) == 0).collect();
            before.truncate(3);
            // Some dependencies are only about the order: nothing of their results is used.
            let unused = before.pop_if(|_| rng.u8(..3) == 0);
            let refers: String = before.iter().map(|n| format!("{{{{{n}.text}}}} ")).collect();
            StepDraft {
                number: StepNumber::new(number),
                description: format!("step {number}"),
                tool: TOOLS[rng.usize(..TOOLS.len())].to_owned(),
                tool_input: json!({ "q": format!("{number}: {refers}") }),
                depends_on: unused.map(StepNumber::new).into_iter().collect(),
            }
        })
        .collect();
    if rng.bool() {
        // Steps refer to others that the planner has not written yet.
        rng.shuffle(&mut plan);
    }
    plan
}

/// Other words for some of the steps that came to nothing, the old ones for the rest: what must not
/// be done twice is asked for twice here.
fn change(
    plan: &mut Vec<StepDraft>,
    reports: &[StepReport],
    version: PlanVersion,
    rng: &mut fastrand::Rng,
) {
    let lost =
        |number| reports.iter().any(|report| report.number == number && report.outcome.is_err());
    for step in plan.iter_mut().filter(|step| lost(step.number)) {
        let asks = step.tool_input["q"].as_str().unwrap_or_default();
        if rng.u8(..4) > 0 {
            step.tool_input = json!({ "q": format!("{asks} once more, as version {version}") });
        }
    }
    // Some of what is done is written a second time, under another number.
    let mut next = plan.iter().map(|step| step.number.get()).max().unwrap_or(0);
    let is_done =
        |number| reports.iter().any(|report| report.number == number && report.outcome.is_ok());
    let done = plan.iter().filter(|step| is_done(step.number) && rng.u8(..6) == 0);
    let again: Vec<_> = done
        .map(|step| {
            next += 1;
            StepDraft { number: StepNumber::new(next), ..step.clone() }
        })
        .collect();
    plan.extend(again);
}

fn spoil(plan: &mut [StepDraft], rng: &mut fastrand::Rng) {
    let victim = rng.usize(..plan.len());
    match rng.u8(..4) {
        0 => "nonsense".clone_into(&mut plan[victim].tool),
        1 => plan[victim].depends_on.push(StepNumber::new(99)),
        2 => plan[victim].tool_input = json!({"q": 7}),
        _ => plan[victim].tool_input = json!({"q": "{{1.nothing}}"}),
    }
}
