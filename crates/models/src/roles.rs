//! The three things that models do, and the model for each.

use std::fmt;

use crate::model::Model;

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Turns a goal into a plan.
    Planner,
    /// Does steps that need a model.
    Executor,
    /// Makes an answer of results.
    Synthesizer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Planner, Self::Executor, Self::Synthesizer];

    /// The name in settings and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Executor => "executor",
            Self::Synthesizer => "synthesizer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something for each role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByRole<T> {
    /// For who plans.
    pub planner: T,
    /// For who does steps.
    pub executor: T,
    /// For who answers.
    pub synthesizer: T,
}

/// The models of a cluster; without one, the built-in rules do what they can.
pub type Models = ByRole<Option<Model>>;

impl<T> ByRole<T> {
    /// Made for each role.
    pub fn from_fn(mut make: impl FnMut(Role) -> T) -> Self {
        Self {
            planner: make(Role::Planner),
            executor: make(Role::Executor),
            synthesizer: make(Role::Synthesizer),
        }
    }

    /// That of this role.
    pub const fn of(&self, role: Role) -> &T {
        match role {
            Role::Planner => &self.planner,
            Role::Executor => &self.executor,
            Role::Synthesizer => &self.synthesizer,
        }
    }

    /// Each with its role.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &T)> {
        Role::ALL.into_iter().map(|role| (role, self.of(role)))
    }
}
