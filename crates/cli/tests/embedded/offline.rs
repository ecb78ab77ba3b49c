//! Goals that must work without any model: the shared examples, and others of the same families
//! with other names, amounts, wordings and documents.

use crate::expectation::{Expectation, read};

/// The examples are shared with the planner's own tests.
const SHARED: &str = include_str!("../../../../planner/tests/goals/offline.jsonl");
const BUILTIN: &str = include_str!("goals/builtin.jsonl");
const DOCS: &str = include_str!("goals/docs.jsonl");

fn check(expectations: &[Expectation], more: &[&str]) {
    let wrong: Vec<_> = expectations.iter().flat_map(|one| one.run(more)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shared_example_comes_to_what_it_must() {
    check(&read(SHARED), &[]);
}

#[test]
fn other_goals_of_the_same_families_work_over_the_documents_inside() {
    check(&read(BUILTIN), &[]);
}

#[test]
fn other_goals_of_the_same_families_work_over_a_persons_own_documents() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/embedded/docs");
    check(&read(DOCS), &["--docs", docs]);
}
