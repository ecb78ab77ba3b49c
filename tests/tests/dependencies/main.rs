//! What this workspace is built from: who may know whom among its members, and what may come in
//! from outside. The lists for the outside are those of `deny.toml`.
//!
//! `cargo xtask deny` checks the outside for every platform; this needs no tool and no network and
//! looks at the platform that it runs on.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

mod graph;
mod licence;

use std::collections::{BTreeMap, BTreeSet};

use graph::{Graph, root};

/// Whom of the workspace each member may know. The engine decides and knows nobody; services meet
/// in contracts; only the program and the tests know everybody.
const MAY_KNOW: [(&str, &[&str]); 14] = [
    ("sortie-engine", &[]),
    ("sortie-llm", &[]),
    ("sortie-proto", &["engine"]),
    ("sortie-service", &["engine"]),
    ("sortie-store", &["engine", "proto"]),
    ("sortie-models", &["engine", "service", "llm"]),
    ("sortie-planner", &["engine", "proto", "service", "llm", "models"]),
    ("sortie-coordinator", &["engine", "proto", "service", "store"]),
    ("sortie-worker", &["engine", "proto", "service", "store", "llm", "models"]),
    ("sortie-cli", EVERYBODY),
    ("sortie-tests", EVERYBODY),
    ("sortie-bench", EVERYBODY),
    ("own-tool", &["engine", "worker", "cli"]),
    ("xtask", &[]),
];
const EVERYBODY: &[&str] = &[
    "engine",
    "proto",
    "service",
    "store",
    "llm",
    "models",
    "planner",
    "coordinator",
    "worker",
    "cli",
];

/// The members that may use a crate, where not all may: what speaks to the world has one home.
const HOMES: [(&str, &[&str]); 3] = [
    ("redis", &["sortie-store", "sortie-tests"]),
    ("redb", &["sortie-store"]),
    ("reqwest", &["sortie-llm", "sortie-worker"]),
];

/// All that the engine may use from outside.
const ENGINE_USES: [&str; 2] = ["serde_json", "thiserror"];

#[test]
fn members_know_only_whom_they_may_know() {
    let graph = Graph::load();
    let allowed: BTreeMap<_, _> = MAY_KNOW.into_iter().collect();
    let members: BTreeSet<_> = graph.members().map(|member| member.name.as_str()).collect();
    for member in graph.members() {
        let name = &member.name;
        let may_know = allowed.get(name.as_str());
        let may_know = may_know.unwrap_or_else(|| panic!("whom may {name} know? Say it here"));
        for known in member.uses().filter(|known| members.contains(known)) {
            let short = known.strip_prefix("sortie-").unwrap_or(known);
            assert!(may_know.contains(&short), "{name} must not know {known}");
        }
    }
}

#[test]
fn the_engine_uses_nothing_that_could_touch_the_world() {
    let graph = Graph::load();
    let engine = graph.members().find(|member| member.name == "sortie-engine").unwrap();
    for used in engine.uses() {
        assert!(ENGINE_USES.contains(&used), "the engine must not use {used}");
    }
}

#[test]
fn what_speaks_to_the_world_is_used_only_at_home() {
    let graph = Graph::load();
    for member in graph.members() {
        for (outside, homes) in HOMES {
            let at_home = homes.contains(&member.name.as_str());
            let uses = member.uses().any(|used| used == outside);
            assert!(at_home || !uses, "{} must not use {outside}", member.name);
        }
    }
}

#[test]
fn no_banned_crate_comes_in() {
    let graph = Graph::load();
    let deny = deny();
    let banned: Vec<_> = entries(&deny, "deny").collect();
    assert!(banned.contains(&"openssl-sys") && banned.contains(&"aws-lc-rs"), "{banned:?}");
    for package in &graph.packages {
        assert!(!banned.contains(&package.name.as_str()), "{} is banned", package.name);
    }
}

#[test]
fn two_versions_of_a_crate_have_a_reason() {
    let graph = Graph::load();
    let deny = deny();
    let skipped: Vec<_> = entries(&deny, "skip").filter_map(|it| it.split_once('@')).collect();
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in &graph.packages {
        let of = |(name, start): &(&str, &str)| {
            *name == package.name
                && format!("{}.", package.version).starts_with(&format!("{start}."))
        };
        if !skipped.iter().any(of) {
            versions.entry(&package.name).or_default().push(&package.version);
        }
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert!(twice.is_empty(), "without a reason in deny.toml: {twice:?}");
}

#[test]
fn every_licence_is_on_the_list() {
    let graph = Graph::load();
    let deny = deny();
    let list = deny["licenses"]["allow"].as_array().unwrap();
    let list: Vec<_> = list.iter().filter_map(|name| name.as_str()).collect();
    for package in &graph.packages {
        let licence = package.licence.as_deref().unwrap_or("none");
        assert!(licence::holds(licence, &list), "{}: {licence} is not allowed", package.name);
    }
}

#[test]
fn everything_comes_from_the_public_registry_or_from_here() {
    let graph = Graph::load();
    let deny = deny();
    let registry = deny["sources"]["allow-registry"][0].as_str().unwrap();
    for package in &graph.packages {
        if let Some(source) = &package.source {
            let public = source.strip_prefix("registry+") == Some(registry);
            assert!(public, "{} comes from {source}", package.name);
        }
    }
}

fn deny() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

/// The crates of one list of `[bans]`.
fn entries<'a>(deny: &'a toml::Table, list: &str) -> impl Iterator<Item = &'a str> {
    deny["bans"][list].as_array().unwrap().iter().filter_map(|entry| entry["crate"].as_str())
}
