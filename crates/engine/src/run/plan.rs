//! The plan version that is being written or in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::PlannedStep;
use crate::ids::{PlanVersion, StepId, StepNumber};
use crate::plan::{Problem, StepDraft};

/// The plan version that is being written or in force: its labels, and what is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which version.
    pub version: PlanVersion,
    /// The steps by their labels.
    pub numbers: BTreeMap<StepNumber, StepId>,
    /// Steps that wait for a label that no step carries yet.
    pub(crate) expected: BTreeMap<StepNumber, Vec<StepId>>,
    /// Steps that are not sound.
    pub(crate) rejected: Vec<(Arc<StepDraft>, Vec<Problem>)>,
    /// The size of all steps so far.
    pub(crate) bytes: usize,
}

/// A plan with faults, for its author to repair.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The steps as they were written.
    pub steps: Vec<StepDraft>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

/// A plan that was carried out and did not lead to the goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Replaced {
    /// Its steps by label, each with the words in which it stood there.
    pub steps: Vec<(StepId, Arc<PlannedStep>)>,
}

impl Plan {
    pub(crate) const fn new(version: PlanVersion) -> Self {
        Self {
            version,
            numbers: BTreeMap::new(),
            expected: BTreeMap::new(),
            rejected: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether a step of this version carries the label, sound or not.
    pub(crate) fn has(&self, number: StepNumber) -> bool {
        self.numbers.contains_key(&number)
            || self.rejected.iter().any(|(draft, _)| draft.number == number)
    }

    /// Steps of this version so far, sound or not.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len() + self.rejected.len()
    }
}
