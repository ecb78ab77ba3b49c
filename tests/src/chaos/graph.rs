//! A goal whose text says its plan: the test's planner reads it back, and the checker knows what
//! must come of it. Everything random in it comes from a seed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tools::Kind;

/// A plan, as the goal says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Tells goals apart; part of everything that changes the world.
    pub key: String,
    /// The steps.
    pub steps: Vec<Node>,
    /// The planner's pause before each step.
    pub plan_ms: u64,
    /// Its pause before an answer.
    pub answer_ms: u64,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its label.
    pub number: u32,
    /// Its tool.
    pub kind: Kind,
    /// How long it takes.
    pub ms: u64,
    /// Attempts that fail and may be tried again.
    pub failures: u64,
    /// Whether it fails for good.
    pub hopeless: bool,
    /// The steps whose results it takes.
    pub after: Vec<u32>,
}

impl Node {
    /// A step that takes so long.
    #[must_use]
    pub fn new(number: u32, kind: Kind, ms: u64, after: &[u32]) -> Self {
        Self { number, kind, ms, failures: 0, hopeless: false, after: after.to_vec() }
    }
}

/// What graphs are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Steps at most.
    pub steps: u32,
    /// The tools, each as often as it stands here.
    pub kinds: &'static [Kind],
    /// One step in so many is slow.
    pub slow: u8,
    /// How long a slow step takes at most.
    pub slow_ms: u64,
    /// How long a slow planner pauses at most before each step and before an answer; one in four is.
    pub talk_ms: u64,
    /// One step in so many fails before it succeeds.
    pub failing: u8,
    /// So often at most.
    pub failures: u64,
}

/// Mostly what costs nothing when it is done again.
const KINDS: [Kind; 12] = [
    Kind::Pure,
    Kind::Pure,
    Kind::Pure,
    Kind::Pure,
    Kind::Read,
    Kind::Read,
    Kind::Read,
    Kind::Large,
    Kind::Large,
    Kind::Idempotent,
    Kind::Idempotent,
    Kind::Once,
];

impl Default for Mix {
    fn default() -> Self {
        Self {
            steps: 10,
            kinds: &KINDS,
            slow: 12,
            slow_ms: 3_000,
            talk_ms: 200,
            failing: 15,
            failures: 2,
        }
    }
}

impl Graph {
    /// A graph of these steps without pauses.
    #[must_use]
    pub fn new(key: &str, steps: Vec<Node>) -> Self {
        Self { key: key.to_owned(), steps, plan_ms: 0, answer_ms: 0 }
    }

    /// One of many shapes: chains, fans, diamonds and what lies between.
    #[must_use]
    pub fn draw(key: &str, mix: Mix, rng: &mut fastrand::Rng) -> Self {
        let count = rng.u32(1..=mix.steps);
        // Of how many earlier steps a step takes results: none makes a fan, one chains and trees.
        let reach = rng.u32(0..4);
        let steps = (1..=count).map(|number| Self::draw_node(number, reach, mix, rng)).collect();
        let mut pause = || if rng.u8(..4) == 0 { rng.u64(..=mix.talk_ms) } else { 0 };
        let (plan_ms, answer_ms) = (pause(), pause());
        Self { key: key.to_owned(), steps, plan_ms, answer_ms }
    }

    fn draw_node(number: u32, reach: u32, mix: Mix, rng: &mut fastrand::Rng) -> Node {
        let kind = mix.kinds[rng.usize(..mix.kinds.len())];
        let ms = if rng.u8(..mix.slow) == 0 {
            rng.u64(..=mix.slow_ms)
        } else if rng.bool() {
            rng.u64(..60)
        } else {
            0
        };
        let mut after: Vec<_> = (0..reach.min(number - 1)).map(|_| rng.u32(1..number)).collect();
        after.sort_unstable();
        after.dedup();
        // A `once` tool that fails is not tried again, whatever it says.
        let fails = kind != Kind::Once && rng.u8(..mix.failing) == 0;
        let failures = if fails { rng.u64(1..=mix.failures) } else { 0 };
        let hopeless = rng.u8(..40) == 0;
        Node { number, kind, ms, failures, hopeless, after }
    }

    /// The goal's text.
    #[must_use]
    pub fn goal(&self) -> String {
        serde_json::to_string(self).unwrap()
    }

    /// The graph that a goal's text says.
    #[must_use]
    pub fn of_goal(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The input of a step, with references to what it takes.
    #[must_use]
    pub fn input(&self, node: &Node) -> Value {
        let parts = node.after.iter().map(|number| format!(" {{{{{number}.text}}}}"));
        let say = format!("{}/{}{}", self.key, node.number, parts.collect::<String>());
        let mut input = json!({ "say": say, "ms": node.ms });
        if node.failures > 0 {
            input["failures"] = json!(node.failures);
        }
        if node.hopeless {
            input["hopeless"] = json!(true);
        }
        input
    }

    /// The step with this label.
    #[must_use]
    pub fn node(&self, number: u32) -> Option<&Node> {
        self.steps.iter().find(|node| node.number == number)
    }

    /// The text of a step's result, if everything that it takes has one.
    #[must_use]
    pub fn text(&self, number: u32) -> Option<String> {
        Some(self.node(number)?.kind.text(&self.said(number)?))
    }

    /// What a step is to say, references filled in.
    #[must_use]
    pub fn said(&self, number: u32) -> Option<String> {
        let node = self.node(number)?;
        let mut said = format!("{}/{number}", self.key);
        for other in &node.after {
            said.push(' ');
            said.push_str(&self.text(*other)?);
        }
        Some(said)
    }

    /// Whether a step cannot have a result even if nothing goes wrong.
    #[must_use]
    pub fn is_doomed(&self, number: u32) -> bool {
        self.node(number).is_none_or(|node| {
            node.hopeless || node.after.iter().any(|other| self.is_doomed(*other))
        })
    }

    /// How long its slowest step takes.
    #[must_use]
    pub fn slowest_ms(&self) -> u64 {
        self.steps.iter().map(|node| node.ms).max().unwrap_or(0)
    }
}

/// What an answer says of one step: which result it was made of, or that there was none.
pub(super) fn said_of(number: u32, json: Option<&str>) -> String {
    match json {
        Some(json) => format!("{number}={}; ", super::ledger::hash(json)),
        None => format!("{number}!; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_graph_and_its_goal_says_it() {
        for seed in 0..200 {
            let draw = || Graph::draw("k", Mix::default(), &mut fastrand::Rng::with_seed(seed));
            assert_eq!(draw(), draw());
            assert_eq!(Graph::of_goal(&draw().goal()), Some(draw()));
            assert!(draw().goal().len() < 4_000, "a goal is small");
        }
    }

    #[test]
    fn inputs_refer_to_what_they_take_and_texts_are_made_of_it() {
        let nodes = vec![Node::new(1, Kind::Pure, 0, &[]), Node::new(2, Kind::Large, 5, &[1])];
        let graph = Graph::new("k", nodes);
        assert_eq!(graph.input(&graph.steps[1]), json!({"say": "k/2 {{1.text}}", "ms": 5}));
        let first = Kind::Pure.text("k/1");
        assert_eq!(graph.text(2), Some(Kind::Large.text(&format!("k/2 {first}"))));
    }

    #[test]
    fn whatever_follows_a_hopeless_step_is_doomed() {
        let mut first = Node::new(1, Kind::Pure, 0, &[]);
        first.hopeless = true;
        let nodes =
            vec![first, Node::new(2, Kind::Pure, 0, &[1]), Node::new(3, Kind::Pure, 0, &[])];
        let graph = Graph::new("k", nodes);
        let doomed: Vec<_> = (1..=3).map(|number| graph.is_doomed(number)).collect();
        assert_eq!(doomed, [true, true, false]);
    }
}
