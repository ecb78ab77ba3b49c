//! The files that the guide to models shows do what it says.

use std::fs;

use crate::process::{Finished, finish};
use crate::sortie;

const GUIDE: &str = include_str!("../../../../docs/models.md");

/// The contents of the guide's fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    GUIDE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn its_script_prompt_and_prices_work() {
    let folder = tempfile::tempdir().unwrap();
    let [script, prices]: [&str; 2] = blocks("toml").try_into().unwrap();
    fs::write(folder.path().join("answers.toml"), script).unwrap();
    fs::write(folder.path().join("prices.toml"), prices).unwrap();
    let prompt = blocks("text").into_iter().find(|text| text.contains("[[goal]]")).unwrap();
    fs::create_dir(folder.path().join("prompts")).unwrap();
    fs::write(folder.path().join("prompts/answer.md"), prompt).unwrap();
    let own = ["--model", "script:answers.toml", "--prompts", "prompts", "--prices", "prices.toml"];
    let done = |arguments: &[&str]| -> Finished {
        let done = finish(sortie(arguments).args(own).current_dir(&folder));
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    };
    let doctor = done(&["doctor", "--no-calls"]).stdout;
    assert!(
        doctor.contains("in place of answer") && doctor.contains("prices.toml, of"),
        "{doctor}"
    );
    let goal = "Which is cheaper, Austin or Denver, and why?";
    assert!(done(&["plan", goal]).stdout.contains("{{2.text}}"));
    let run = done(&["run", goal]);
    let shown = blocks("console").into_iter().find(|text| text.contains("answers.toml")).unwrap();
    assert!(shown.contains(goal) && shown.contains(run.stdout.trim()), "{run:?}");
    assert!(run.stderr.contains("3 model calls, 2,800 tokens in, 222 out"), "{run:?}");
}
