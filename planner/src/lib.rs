//! The planner service: a goal becomes a plan, results become an answer.

pub mod offline;
