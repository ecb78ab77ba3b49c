//! What `search` looks into: documents cut into passages, with an index over their words.
//!
//! ```text
//! file ──> reader (by its ending) ──> passages with headings ──> index
//! ```
//!
//! A passage is small enough to be quoted and knows its document and its headings; headings count
//! for matching. Documents ship inside the program or come from a folder of the user's, read once
//! when the worker starts. Faults of single files never stop it: they are listed.

use std::fmt;
use std::path::{Path, PathBuf};

use self::index::Index;
use crate::words::content_words;

mod builtin;
mod folder;
mod index;
mod markdown;
mod records;

pub use folder::{BadFolder, SkippedDocument};

/// Longer passages are cut: a passage is a quotation, not a chapter.
const MAX_PASSAGE_CHARS: usize = 1200;
/// Enough for every manual; the index stays below a few hundred megabytes.
const MAX_PASSAGES: usize = 100_000;

/// Documents that can be searched.
pub struct Documents {
    passages: Vec<Passage>,
    index: Index,
    count: usize,
    origin: Origin,
    skipped: Vec<SkippedDocument>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The document's name: its path inside the folder.
    pub document: String,
    /// Title and headings above the passage, outermost first.
    pub heading: String,
    /// The text as it stands there.
    pub text: String,
    /// Whether it opens a text, and so says what the text is about.
    leads: bool,
}

/// A passage that matches, and how well.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What was found.
    pub passage: &'a Passage,
    /// Larger is better; comparable within one search only.
    pub score: f64,
}

enum Origin {
    Builtin,
    Folder(PathBuf),
}

/// One document before it is indexed: text with the headings above it.
struct Draft {
    name: String,
    passages: Vec<(String, String)>,
    /// Whether it reads from its beginning to its end, unlike a table.
    is_text: bool,
}

impl Documents {
    /// The documents inside the program.
    #[must_use]
    pub fn builtin() -> Self {
        Self::index(builtin::drafts(), Origin::Builtin, Vec::new())
    }

    /// The documents of a folder: `.txt`, `.md`, `.csv` and `.json`, below it too.
    ///
    /// # Errors
    /// If the folder cannot be listed. Files that cannot be used are not errors: [`Self::skipped`].
    pub fn from_folder(folder: &Path) -> Result<Self, BadFolder> {
        let (drafts, skipped) = folder::read(folder)?;
        Ok(Self::index(drafts, Origin::Folder(folder.to_owned()), skipped))
    }

    /// What a folder holds and searches do not see, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedDocument] {
        &self.skipped
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing to search.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The best passages, best first; the same documents always give the same order.
    ///
    /// With a subject only passages count that have all its content words in their text or
    /// headings; without one a passage shares at least one content word with the query. What the
    /// query asks beyond the subject is its aspect: where a passage has all words of it, those
    /// with half of them or fewer are left out.
    #[must_use]
    pub fn search(&self, query: &str, subject: Option<&str>, limit: usize) -> Vec<Found<'_>> {
        let subject = subject.map(content_words);
        let ranked = self.index.search(&content_words(query), subject.as_deref(), limit);
        ranked.into_iter().map(|(at, score)| Found { passage: &self.passages[at], score }).collect()
    }

    /// Sorted by name, so that equal scores have one order.
    fn index(mut drafts: Vec<Draft>, origin: Origin, mut skipped: Vec<SkippedDocument>) -> Self {
        drafts.sort_by(|one, other| one.name.cmp(&other.name));
        let mut passages = Vec::new();
        let mut count = 0;
        for draft in drafts {
            if passages.len() + draft.passages.len() > MAX_PASSAGES {
                let reason = format!("there are more than {MAX_PASSAGES} passages");
                skipped.push(SkippedDocument { path: PathBuf::from(draft.name), reason });
                continue;
            }
            count += 1;
            passages.extend(draft.passages.into_iter().enumerate().map(
                |(position, (heading, text))| {
                    let document = draft.name.clone();
                    let leads = draft.is_text && position == 0;
                    Passage { document, heading, text, leads }
                },
            ));
        }
        let index = Index::of(&passages);
        Self { passages, index, count, origin, skipped }
    }
}

/// Where a search looked, for the message that it found nothing.
impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count;
        let noun = if count == 1 { "document" } else { "documents" };
        match &self.origin {
            Origin::Builtin => write!(f, "the {count} built-in {noun}"),
            Origin::Folder(folder) => write!(f, "the {count} {noun} in {}", folder.display()),
        }
    }
}

impl Documents {
    /// Whether these are the documents inside the program.
    pub(crate) fn are_builtin(&self) -> bool {
        matches!(self.origin, Origin::Builtin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str, subject: &str) -> String {
        let documents = Documents::builtin();
        let found = documents.search(query, Some(subject), 3);
        found.first().map(|found| found.passage.text.clone()).unwrap_or_default()
    }

    #[test]
    fn the_facts_inside_the_program_are_found_first() {
        for (query, subject, fact) in [
            ("cost of living in San Francisco", "San Francisco", "about 94% more"),
            ("cost of living in Austin", "Austin", "about 4% above"),
            ("Austin", "Austin", "about 4% above"),
            (
                "average salary of a software engineer",
                "salary software engineer",
                "$130,000 and $180,000",
            ),
            ("average salary", "software engineer", "$130,000 and $180,000"),
            ("Rust", "Rust", "a systems language made for safety and performance"),
            ("Python", "Python", "high-level language known for being simple to read and write"),
        ] {
            let text = first(query, subject);
            assert!(text.contains(fact), "{query}: {text}");
        }
    }

    #[test]
    fn nothing_is_known_about_lisbon_and_porto() {
        let documents = Documents::builtin();
        assert!((12..=16).contains(&documents.len()), "{}", documents.len());
        for city in ["Lisbon", "Porto", "cost of living in Lisbon"] {
            assert!(documents.search("cost of living", Some(city), 10).is_empty(), "{city}");
        }
        let text = |p: &Passage| format!("{p:?}").to_lowercase();
        assert!(documents.passages.iter().all(|p| !text(p).contains("portug")));
    }

    #[test]
    fn without_a_subject_one_shared_word_is_enough() {
        let documents = Documents::builtin();
        let found = documents.search("cost of living in Lisbon", None, 10);
        assert!(found.len() > 2);
        assert!(found.is_sorted_by(|one, other| one.score >= other.score));
        assert!(documents.search("zyzzyva", None, 10).is_empty());
        assert!(documents.search("…", None, 10).is_empty());
    }
}
