//! A run with its history, its time and its tools, for tests.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sortie_engine::*;

pub struct World {
    pub run: Run,
    pub history: Vec<Recorded>,
    pub now: Timestamp,
    pub catalogue: Catalogue,
    pub budget: CommitBudget,
    pub last: Folded,
    planner: Arc<str>,
}

pub fn tool(name: &str, effect: Effect, calls_model: bool) -> Arc<ToolSpec> {
    let input = json!({"type": "object", "required": ["q"], "additionalProperties": false,
        "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}});
    let output = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    Arc::new(ToolSpec {
        name: name.into(),
        description: String::new(),
        input: Schema::parse(input).unwrap(),
        output: Some(Schema::parse(output).unwrap()),
        effect,
        queue: "builtin".into(),
        timeout: Duration::from_secs(30),
        max_result_bytes: 1 << 20,
        calls_model,
    })
}

pub fn tools() -> Catalogue {
    [
        tool("look", Effect::Read, false),
        tool("sum", Effect::Pure, false),
        tool("send", Effect::Once, false),
        tool("write", Effect::Idempotent, false),
        tool("ask", Effect::Read, true),
    ]
    .into_iter()
    .collect()
}

pub fn draft(number: u32, tool: &str, q: &str, depends_on: &[u32]) -> StepDraft {
    StepDraft {
        number: StepNumber::new(number),
        description: format!("do {number}"),
        tool: tool.to_owned(),
        tool_input: json!({ "q": q }),
        depends_on: depends_on.iter().map(|n| StepNumber::new(*n)).collect(),
    }
}

pub fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, format!("it was {kind}"))
}

impl World {
    /// A run whose first planner call is open.
    pub fn new(goal: Goal) -> Self {
        let mut world = Self::submitted(goal);
        world.take(Command::TimerDue);
        assert_eq!(world.last.start, Some(ModelCall::Plan(PlanVersion::FIRST)));
        world
    }

    pub fn submitted(goal: Goal) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let goal = Arc::new(goal);
        let history = vec![Run::submission(goal.clone(), now)];
        Self {
            run: Run::start(RunId::new(0, Lane(0), 1), goal, now),
            history,
            now,
            catalogue: tools(),
            budget: CommitBudget::RUN,
            last: Folded::default(),
            planner: Arc::from("test"),
        }
    }

    /// A run with this plan, accepted.
    pub fn planned(goal: Goal, steps: &[StepDraft]) -> Self {
        let mut world = Self::new(goal);
        let mut commands: Vec<_> = steps.iter().map(|draft| world.arrives(draft)).collect();
        commands.push(world.plan_ends());
        world.take_all(commands);
        world
    }

    pub fn take(&mut self, command: Command) -> &Folded {
        self.take_all([command])
    }

    /// Takes commands in one commit, or in as many as they need, and holds everything against the
    /// invariants.
    pub fn take_all(&mut self, commands: impl IntoIterator<Item = Command>) -> &Folded {
        let mut queue: VecDeque<_> = commands.into_iter().collect();
        self.commit(&mut queue);
        while !queue.is_empty() {
            self.commit(&mut queue);
        }
        &self.last
    }

    fn commit(&mut self, queue: &mut VecDeque<Command>) {
        let before = self.run.seq();
        let cx = Context {
            now: self.now,
            seed: 7,
            catalogue: &self.catalogue,
            planner: &self.planner,
            synthesizer: &self.planner,
            retry: RetryPolicy::default(),
        };
        self.last = self.run.advance(queue.iter(), &cx, self.budget);
        queue.drain(..self.last.taken);
        self.history.extend(self.last.events.iter().cloned());
        assert_eq!(check_run(&self.run, self.now), []);
        assert_eq!(check_commit(before, &self.last, &self.run), []);
        assert_eq!(check_history(&self.history), []);
        let replayed = Run::replay(self.run.id(), &self.history);
        assert_eq!(replayed.as_ref(), Some(&self.run), "a replay gives the same run");
    }

    pub fn wait(&mut self, millis: u64) -> &Folded {
        self.now = self.now + Duration::from_millis(millis);
        self.take(Command::TimerDue)
    }

    /// Waits until the run's own timer.
    pub fn wait_for_timer(&mut self) -> &Folded {
        self.now = self.now.max(self.run.timer(self.now).expect("an open run has a timer"));
        self.take(Command::TimerDue)
    }

    pub fn version(&self) -> PlanVersion {
        self.run.plan().expect("a plan version is there").version
    }

    pub fn arrives(&self, draft: &StepDraft) -> Command {
        Command::StepPlanned { version: self.version(), draft: Arc::new(draft.clone()) }
    }

    pub fn plan_ends(&self) -> Command {
        Command::PlanEnded {
            version: self.version(),
            usage: Usage::default(),
            problems: Vec::new(),
        }
    }

    pub fn step(&self, number: u32) -> &Step {
        self.run.step_by_number(StepNumber::new(number)).expect("the step is planned")
    }

    pub fn ends(&self, number: u32, outcome: Outcome) -> Command {
        let step = self.step(number);
        Command::AttemptEnded(AttemptReport {
            step: step.id,
            attempt: AttemptNumber::new(step.attempts),
            outcome,
            worker: "w1".into(),
            started_at: self.now,
            workers_lost: 0,
            usage: Usage::default(),
        })
    }

    pub fn succeeds(&mut self, number: u32) -> &Folded {
        self.take(self.ends(number, Outcome::Succeeded(StepResult::inline(json!({"text": "ok"})))))
    }

    pub fn finds_nothing(&mut self, number: u32) -> &Folded {
        self.take(self.ends(number, Outcome::Succeeded(StepResult::inline(json!({"text": ""})))))
    }

    /// A whole plan of the version that is open.
    pub fn plans(&mut self, steps: &[StepDraft]) {
        let mut commands: Vec<_> = steps.iter().map(|draft| self.arrives(draft)).collect();
        commands.push(self.plan_ends());
        self.take_all(commands);
    }

    pub fn fails(&mut self, number: u32, kind: FailureKind) -> &Folded {
        self.take(self.ends(number, Outcome::Failed(failure(kind))))
    }

    pub fn answers(&mut self, text: &str) -> &Folded {
        let Some(ModelCall::Answer(attempt)) = self.run.open_call() else {
            panic!("no answer call is open: {:?}", self.run.state());
        };
        let (text, usage) = (Arc::from(text), Usage::default());
        self.take(Command::AnswerEnded { attempt, text, usage })
    }

    pub fn step_ids(&self) -> Vec<StepId> {
        self.run.all_steps().iter().map(|step| step.id).collect()
    }

    pub fn states(&self) -> Vec<(u32, &'static str)> {
        self.run.plan_steps().map(|s| (s.number().get(), s.state.as_str())).collect()
    }

    /// Labels of the steps that the last commit queued.
    pub fn queued(&self) -> Vec<u32> {
        self.last.ready.iter().map(|ready| ready.planned.number.get()).collect()
    }

    pub fn problems(&self) -> Vec<String> {
        let problems = self.history.iter().rev().find_map(|recorded| match &recorded.event {
            Event::PlanRejected { problems, .. } => Some(problems),
            _ => None,
        });
        problems.into_iter().flatten().map(ToString::to_string).collect()
    }
}
