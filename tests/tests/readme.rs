//! What the documents show is there: the README's Rust is the example's, commands and flags of the
//! README, of the guide to models and of the page on clusters exist, and links lead somewhere.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SORTIE: &str = env!("CARGO_BIN_EXE_odd-sortie");
const EXAMPLE: &str = include_str!("../../examples/own-tool/src/main.rs");
const README: &str = include_str!("../../README.md");
const MODELS: &str = include_str!("../../docs/models.md");
const CLUSTER: &str = include_str!("../../docs/cluster.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The contents of a document's fenced blocks of a language.
fn blocks<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What stands behind `sortie` on each line that a person might type: the command, then the rest.
fn typed(document: &str) -> Vec<(String, String)> {
    let indented = document.lines().filter(|line| line.starts_with("    "));
    let fenced = [blocks(document, "sh"), blocks(document, "console")].concat();
    let fenced = fenced.iter().flat_map(|block| block.lines());
    let lines = fenced.chain(indented).map(|line| line.replace("$(", " "));
    let typed = lines.filter_map(|line| {
        let (_, rest) =
            line.split_once(" -- ").or(line.trim_start_matches("$ ").split_once("sortie "))?;
        let (command, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        Some((command.to_owned(), rest.to_owned()))
    });
    typed.filter(|(command, _)| command.bytes().all(|b| b.is_ascii_lowercase())).collect()
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(SORTIE).args(arguments).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "there is no `sortie {}`", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_readmes_tool_is_the_examples() {
    let shown = blocks(README, "rust");
    assert!(!shown.is_empty());
    for block in shown {
        assert!(EXAMPLE.contains(block), "not in examples/own-tool:\n{block}");
    }
}

#[test]
fn commands_and_flags_that_are_shown_exist() {
    let readme = typed(README);
    for (command, rest) in readme.iter().chain(&typed(MODELS)).chain(&typed(CLUSTER)) {
        let help = help(&[command]);
        for flag in rest.split([' ', ';', ')']).filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!("{flag} ")), "`sortie {command}` has no {flag}");
        }
    }
    let shown: BTreeSet<_> = readme.iter().map(|(command, _)| command.as_str()).collect();
    let help = help(&[]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().map_while(|line| line.split_whitespace().next());
    for command in commands {
        assert!(shown.contains(command), "the README does not show `sortie {command}`");
    }
}

#[test]
fn links_lead_somewhere() {
    let root = root();
    let names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "deploy/README.md"];
    let pages = ["docs/cli-json.md", "docs/models.md", "docs/cluster.md", "docs/faults.md"];
    let names = names.into_iter().chain(pages);
    let mut documents: Vec<_> = names.map(|name| root.join(name)).collect();
    for page in fs::read_dir(root.join("docs/adr")).unwrap() {
        documents.push(page.unwrap().path());
    }
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.starts_with("https://") {
                continue;
            }
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let titles = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    titles.map(anchor_of).any(|it| it == anchor),
                    "{}: {link}",
                    document.display()
                );
            }
        }
    }
}

/// The anchor that GitHub gives to a title.
fn anchor_of(title: &str) -> String {
    let title = title.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}
