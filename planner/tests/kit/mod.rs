//! Tools like the built-in ones, and what the engine says of a plan made with them.
#![allow(dead_code, unreachable_pub)] // each test program uses its part

use std::collections::VecDeque;
use std::sync::Arc;

use sortie_engine::{
    Catalogue, Command, CommitBudget, Context, Event, Goal, Lane, PlanVersion, Problem,
    RetryPolicy, Run, RunId, StepDraft, Timestamp, ToolSpec, Usage,
};
use sortie_proto::v1;

/// One tool for each line of `tests/fixtures/tools.jsonl`.
pub fn tools() -> Vec<v1::Tool> {
    let lines = include_str!("../fixtures/tools.jsonl").lines();
    let tool = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        v1::Tool {
            name: line["name"].as_str().unwrap().to_owned(),
            description: line["description"].as_str().unwrap().to_owned(),
            input_schema: line["input"].to_string(),
            output_schema: line["output"].to_string(),
            effect: v1::Effect::Pure.into(),
            queue: "builtin".to_owned(),
            timeout: Some(sortie_proto::time::to_wire(std::time::Duration::from_secs(10))),
            max_result_bytes: 1 << 16,
            calls_model: false,
            unchecked_keywords: Vec::new(),
        }
    };
    lines.map(tool).collect()
}

/// The problems for which the engine has a plan written again; none if it accepts the plan.
pub fn verdict(steps: &[StepDraft], problems: Vec<Problem>) -> Vec<String> {
    let specs = tools().into_iter().map(|tool| Arc::new(ToolSpec::try_from(tool).unwrap()));
    let catalogue: Catalogue = specs.collect();
    let now = Timestamp::from_millis(1_000_000);
    let goal = Arc::new(Goal::new("a goal"));
    let mut run = Run::start(RunId::new(0, Lane(0), 1), goal, now);
    let version = PlanVersion::FIRST;
    let step = |draft: &StepDraft| Command::StepPlanned { version, draft: Arc::new(draft.clone()) };
    let mut queue: VecDeque<_> = steps.iter().map(step).collect();
    queue.push_back(Command::PlanEnded { version, usage: Usage::default(), problems });
    let author = Arc::from("test");
    let cx = Context {
        now,
        seed: 7,
        catalogue: &catalogue,
        planner: &author,
        synthesizer: &author,
        retry: RetryPolicy::default(),
    };
    run.advance([Command::TimerDue].iter(), &cx, CommitBudget::RUN);
    let mut events = Vec::new();
    while !queue.is_empty() {
        let folded = run.advance(queue.iter(), &cx, CommitBudget::RUN);
        queue.drain(..folded.taken);
        events.extend(folded.events.into_iter().map(|recorded| recorded.event));
    }
    let end = events.iter().find_map(|event| match event {
        Event::PlanRejected { problems, .. } => {
            Some(problems.iter().map(ToString::to_string).collect())
        }
        Event::PlanAccepted { .. } => Some(Vec::new()),
        _ => None,
    });
    end.unwrap_or_else(|| panic!("the engine decides about every plan: {events:?}"))
}
