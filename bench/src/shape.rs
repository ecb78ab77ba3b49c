//! The graphs that are measured.

use serde_json::json;
use sortie_engine::{StepDraft, StepNumber};

/// Bytes that each step returns.
pub(crate) const PAYLOAD: usize = 300;

/// A graph: for each step, the steps that it waits for (counted from 0).
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) waits_for: Vec<Vec<usize>>,
}

impl Shape {
    /// A root, `width` steps behind it, and one that joins them.
    pub(crate) fn fan(width: usize) -> Self {
        let mut waits_for = vec![vec![]];
        waits_for.extend((0..width).map(|_| vec![0]));
        waits_for.push((1..=width).collect());
        Self { waits_for }
    }

    pub(crate) fn chain(length: usize) -> Self {
        let before = |step: usize| if step == 0 { vec![] } else { vec![step - 1] };
        Self { waits_for: (0..length).map(before).collect() }
    }

    pub(crate) fn wide(width: usize) -> Self {
        Self { waits_for: vec![vec![]; width] }
    }

    pub(crate) fn steps(&self) -> usize {
        self.waits_for.len()
    }

    /// The same graph as a plan: each step refers to what it waits for.
    pub(crate) fn plan(&self) -> Vec<StepDraft> {
        let label = |step: usize| StepNumber::new(u32::try_from(step).unwrap_or(u32::MAX) + 1);
        let draft = |(step, waits_for): (usize, &Vec<usize>)| StepDraft {
            number: label(step),
            description: "measure".to_owned(),
            tool: "echo".to_owned(),
            tool_input: match waits_for.first() {
                Some(first) => json!({ "text": format!("{{{{{}}}}}", label(*first)) }),
                None => json!({ "text": "x".repeat(PAYLOAD) }),
            },
            depends_on: waits_for.iter().map(|step| label(*step)).collect(),
        };
        self.waits_for.iter().enumerate().map(draft).collect()
    }
}
