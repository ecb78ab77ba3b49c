//! A folder of documents that is not as it should be: what cannot be read is named and left out,
//! and only a folder that is none at all is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Finished, finish};
use crate::sortie;

fn run(docs: &Path, goal: &str) -> Finished {
    finish(sortie(&["run", "--json", goal, "--docs"]).arg(docs))
}

#[test]
fn unreadable_documents_are_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("good.md"), "Oslo is the capital of Norway.\n").unwrap();
    fs::write(path("latin.txt"), b"caf\xe9 \xff\xfe").unwrap();
    fs::write(path("broken.json"), "{\"name\": ").unwrap();
    fs::create_dir(path("folder.md")).unwrap();
    fs::write(path("folder.md").join("inner.txt"), "Bergen is rainy.\n").unwrap();
    std::os::unix::fs::symlink("nowhere.md", path("gone.md")).unwrap();
    fs::write(path("photo.jpg"), [0xff, 0xd8]).unwrap();
    let done = run(folder.path(), "What is Oslo?");
    assert_eq!(done.code, Some(0), "{done:?}");
    let result = done.json().pop().unwrap();
    assert!(result["answer"].as_str().unwrap().contains("capital of Norway"), "{result}");
    for name in ["latin.txt", "broken.json", "gone.md", "photo.jpg"] {
        let lines = done.stderr.lines().filter(|line| line.contains(name));
        assert_eq!(lines.count(), 1, "{name} in\n{}", done.stderr);
    }
    assert!(!done.stderr.contains("good.md") && !done.stderr.contains("inner.txt"));
}

#[test]
fn what_would_never_end_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("good.md"), "Oslo is the capital of Norway.\n").unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe.txt")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", path("zero.md")).unwrap();
    std::os::unix::fs::symlink(folder.path(), path("loop")).unwrap();
    fs::write(path("big.csv"), vec![b'x'; 5 << 20]).unwrap();
    let done = run(folder.path(), "What is Oslo?");
    assert_eq!(done.code, Some(0), "{done:?}");
    for name in ["pipe.txt", "zero.md", "loop", "big.csv"] {
        assert!(done.stderr.contains(name), "{name} in\n{}", done.stderr);
    }
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.md");
    fs::write(&file, "# x\n").unwrap();
    for docs in [folder.path().join("missing"), file] {
        let done = run(&docs, "What is Oslo?");
        assert_eq!(done.code, Some(2), "{done:?}");
        let name = docs.file_name().unwrap().to_str().unwrap();
        assert!(done.stderr.contains(name), "{}", done.stderr);
        assert_eq!(done.json().pop().unwrap()["state"], "refused");
    }
}

#[test]
fn an_empty_folder_has_nothing_about_anything() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), "What is Oslo?");
    assert_eq!(done.code, Some(1), "{done:?}");
    let result = done.json().pop().unwrap();
    assert_eq!(result["error"]["kind"], "no_results");
    assert_eq!(result["steps"][0]["error"]["kind"], "not_found");
}
