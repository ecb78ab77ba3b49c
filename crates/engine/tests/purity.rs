//! What clippy's lists cannot say: the engine has no `async` and no `await`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_engine_never_waits() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 20, "the sources were found");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let banned = words.find(|word| ["async", "await", "tokio", "rand"].contains(word));
            assert_eq!(banned, None, "{}: {line}", file.display());
            assert!(!line.contains("allow(clippy::disallowed"), "{}: {line}", file.display());
        }
    }
}

#[test]
fn the_engine_depends_on_nothing_that_acts() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let (dependencies, _) = rest.split_once("[dev-dependencies]").unwrap();
    let names: Vec<_> =
        dependencies.split_whitespace().filter(|w| w.contains(".workspace")).collect();
    assert_eq!(names, ["serde_json.workspace", "thiserror.workspace"]);
}
