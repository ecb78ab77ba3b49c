//! The table of what happens when each part dies: every line names a test that is there, and every
//! test of a part has its line.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../../docs/faults.md");
const TESTS: [&str; 7] = [
    include_str!("coordinators.rs"),
    include_str!("everything.rs"),
    include_str!("planners.rs"),
    include_str!("redis.rs"),
    include_str!("unfit.rs"),
    include_str!("wires.rs"),
    include_str!("workers.rs"),
];

#[test]
fn every_line_of_the_table_names_a_test_and_every_test_has_a_line() {
    let lines = TABLE.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let named: BTreeSet<_> =
        lines.filter_map(|line| line.trim_end_matches("` |").rsplit('`').next()).collect();
    let tests = TESTS.iter().flat_map(|text| text.split("#[tokio::test").skip(1));
    let there: BTreeSet<_> =
        tests.filter_map(|rest| rest.split_once("async fn ")?.1.split('(').next()).collect();
    assert!(there.len() > 25, "{there:?}");
    let missing: Vec<_> = named.symmetric_difference(&there).collect();
    assert!(missing.is_empty(), "in one of them only: {missing:#?}");
}
