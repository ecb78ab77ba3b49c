//! The documents inside the program: a few facts about cities, languages and money, so that a
//! first goal works before anyone has pointed the worker at documents of their own.

use super::{Draft, markdown};

macro_rules! documents {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../documents/", $name)))),*]
    };
}

/// All of `worker/documents`, by name.
const DOCUMENTS: &[(&str, &str)] = documents![
    "austin.md",
    "boston.md",
    "chicago.md",
    "denver.md",
    "go.md",
    "household-budget.md",
    "java.md",
    "javascript.md",
    "new-york.md",
    "python.md",
    "rust.md",
    "san-francisco.md",
    "seattle.md",
    "software-engineer-salary.md",
];

pub(super) fn drafts() -> Vec<Draft> {
    let draft = |(name, text): &(&str, &str)| Draft {
        name: (*name).to_owned(),
        passages: markdown::passages(name, text),
        is_text: true,
    };
    DOCUMENTS.iter().map(draft).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_folder_is_inside_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/documents");
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let inside: BTreeSet<_> = DOCUMENTS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, inside);
        assert!(drafts().iter().all(|draft| !draft.passages.is_empty()));
    }
}
