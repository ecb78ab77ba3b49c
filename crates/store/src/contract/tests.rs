//! The suite itself: a rule that is written but not listed would pass unnoticed.

#[test]
fn every_rule_is_in_the_list() {
    let list = include_str!("../contract.rs");
    let files = [
        include_str!("claims.rs"),
        include_str!("commits.rs"),
        include_str!("completions.rs"),
        include_str!("garbage.rs"),
        include_str!("histories.rs"),
        include_str!("inboxes.rs"),
        include_str!("leases.rs"),
        include_str!("lists.rs"),
        include_str!("models.rs"),
        include_str!("notices.rs"),
        include_str!("owners.rs"),
        include_str!("results.rs"),
        include_str!("submissions.rs"),
        include_str!("timers.rs"),
        include_str!("withdrawals.rs"),
    ];
    let rules = files.iter().flat_map(|file| file.split("\npub async fn ").skip(1));
    for rule in rules {
        let name = rule.split('(').next().unwrap();
        assert!(list.contains(&format!("    {name}\n")), "`{name}` is not in `contract_suite!`");
    }
}
