//! Prompts: texts in files of their own, with holes.
//!
//! ```text
//! What the model is to be. It may use [[tools]].
//!
//! === user ===
//! The goal: boil an egg
//!
//! === assistant ===
//! Water, then fire.
//!
//! === user ===
//! The goal: [[goal]]
//! ```
//!
//! What stands above the first line `=== user ===` goes to the model as its system text, what stands
//! below the last one as what it is to work on. Pairs of user and assistant before it are examples;
//! the model sees them as exchanges that it had. A hole is a name between double square brackets. Values are put in once and
//! never looked through for holes, so a goal that contains `[[tools]]` is only text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sortie_llm::{Exchange, Purpose, Request};

/// The line above what a user says.
const USER: &str = "=== user ===";
/// The line above what the model answers in an example.
const ASSISTANT: &str = "=== assistant ===";
/// A prompt larger than this leaves no room in the windows of small models.
const MAX_BYTES: u64 = 64 * 1024;

/// A prompt that the program brings along: its name, its text, and the holes that it has.
#[derive(Debug, Clone, Copy)]
pub struct PromptSource {
    /// Its name; the file of a folder that overrides it is called so too, with `.md`.
    pub name: &'static str,
    /// The text that comes with the program.
    pub text: &'static str,
    /// The holes that it must have: without them it would leave out what it is about.
    pub needs: &'static [&'static str],
    /// The holes that it may have beside those.
    pub knows: &'static [&'static str],
}

/// A prompt, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    system: Vec<Part>,
    examples: Vec<(Vec<Part>, Vec<Part>)>,
    user: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(String),
}

/// A prompt with its holes filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// How the model is to behave.
    pub system: String,
    /// How others did it.
    pub examples: Vec<Exchange>,
    /// What it is to work on.
    pub user: String,
}

impl Filled {
    /// Asks a model with it, for free text.
    #[must_use]
    pub fn request(self, purpose: Purpose) -> Request {
        let Self { system, examples, user } = self;
        Request { purpose, system, examples, user, shape: None, max_tokens: None }
    }
}

/// Why a prompt cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPrompt {
    /// The file is there and cannot be read.
    #[error("read the prompt {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text breaks a rule.
    #[error("prompt {name}: {message}")]
    Text {
        /// Which prompt: its file, or its name where it came with the program.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// Where prompts come from: the program, and a folder whose files stand in for them.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    folder: Option<PathBuf>,
}

impl Prompts {
    /// The program's prompts, each replaced by the folder's file of its name where there is one.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The folder, if there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Whether the folder stands in for this prompt.
    #[must_use]
    pub fn replaces(&self, source: &PromptSource) -> bool {
        self.own(source).is_some()
    }

    /// The folder's files that stand in for none of these prompts: a name that is written wrong
    /// would change nothing, without a word.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn strangers(&self, sources: &[PromptSource]) -> std::io::Result<Vec<PathBuf>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut strangers = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let known = sources.iter().any(|source| Some(source.name) == stem);
            if path.extension().is_some_and(|end| end == "md") && !known {
                strangers.push(path);
            }
        }
        strangers.sort();
        Ok(strangers)
    }

    fn own(&self, source: &PromptSource) -> Option<PathBuf> {
        let own = self.folder.as_ref().map(|folder| folder.join(format!("{}.md", source.name)));
        own.filter(|path| path.exists())
    }

    /// The prompt in force.
    ///
    /// # Errors
    /// If the folder's file cannot be read or breaks a rule.
    pub fn load(&self, source: &PromptSource) -> Result<Prompt, BadPrompt> {
        match self.own(source) {
            Some(path) => {
                let text = read(&path)?;
                Prompt::parse(&text, source, &path.display().to_string())
            }
            None => Prompt::parse(source.text, source, source.name),
        }
    }
}

fn read(path: &Path) -> Result<String, BadPrompt> {
    let failed = |source| BadPrompt::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_BYTES {
        let message = format!("has {bytes} bytes, at most {MAX_BYTES} fit");
        return Err(BadPrompt::Text { name: path.display().to_string(), message });
    }
    std::fs::read_to_string(path).map_err(failed)
}

impl Prompt {
    fn parse(text: &str, source: &PromptSource, name: &str) -> Result<Self, BadPrompt> {
        let bad = |message: String| BadPrompt::Text { name: name.to_owned(), message };
        let prompt = divide(text).ok_or_else(|| {
            bad(format!(
                "needs a line `{USER}` below what the model is to be, and between two of them one \
                 `{ASSISTANT}` with the answer of an example"
            ))
        })?;
        let holes: BTreeSet<_> = prompt.holes().collect();
        if let Some(unknown) =
            holes.iter().find(|hole| !source.needs.contains(hole) && !source.knows.contains(hole))
        {
            let all: Vec<_> = source.needs.iter().chain(source.knows).copied().collect();
            let known = all.join("]], [[");
            return Err(bad(format!(
                "has a hole [[{unknown}]], only these are filled: [[{known}]]"
            )));
        }
        match source.needs.iter().find(|needed| !holes.contains(*needed)) {
            Some(missing) => Err(bad(format!("needs the hole [[{missing}]]"))),
            None => Ok(prompt),
        }
    }

    fn holes(&self) -> impl Iterator<Item = &str> {
        let examples =
            self.examples.iter().flat_map(|(user, assistant)| user.iter().chain(assistant));
        self.system.iter().chain(examples).chain(&self.user).filter_map(|part| match part {
            Part::Hole(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The same; without a word on what the model is to be, with that and the examples of another
    /// one. A server that remembers the beginning of what it has read reads it once for both.
    #[must_use]
    pub fn or_like(self, other: &Self) -> Self {
        let blank = |part: &Part| matches!(part, Part::Text(text) if text.trim().is_empty());
        match self.system.iter().all(blank) && self.examples.is_empty() {
            true => Self { user: self.user, ..other.clone() },
            false => self,
        }
    }

    /// The prompt with these values. A hole without one stays empty.
    #[must_use]
    pub fn fill(&self, values: &[(&str, &str)]) -> Filled {
        let fill = |parts: &[Part]| {
            let pieces = parts.iter().map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Hole(hole) => {
                    let value = values.iter().find(|(name, _)| name == hole);
                    value.map_or("", |(_, value)| value)
                }
            });
            pieces.collect::<String>().trim().to_owned()
        };
        let examples = self.examples.iter();
        let examples = examples
            .map(|(user, assistant)| Exchange { user: fill(user), assistant: fill(assistant) });
        Filled { system: fill(&self.system), examples: examples.collect(), user: fill(&self.user) }
    }
}

/// System text, examples, and the last thing that a user says.
fn divide(text: &str) -> Option<Prompt> {
    let mut sections = vec![("", String::new())];
    for line in text.split_inclusive('\n') {
        match line.trim() {
            USER => sections.push((USER, String::new())),
            ASSISTANT => sections.push((ASSISTANT, String::new())),
            _ => sections.last_mut()?.1.push_str(line),
        }
    }
    let (_, user) = sections.pop().filter(|(who, _)| *who == USER)?;
    let mut sections = sections.into_iter();
    let (_, system) = sections.next()?;
    let mut examples = Vec::new();
    while let Some((who, asked)) = sections.next() {
        let (answers, answer) = sections.next()?;
        if who != USER || answers != ASSISTANT {
            return None;
        }
        examples.push((parts(&asked), parts(&answer)));
    }
    Some(Prompt { system: parts(&system), examples, user: parts(&user) })
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[") {
        literal.push_str(before);
        let hole = after.split_once("]]").filter(|(name, _)| is_name(name));
        rest = match hole {
            Some((name, behind)) => {
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Hole(name.to_owned()));
                behind
            }
            None => {
                literal.push_str("[[");
                after
            }
        };
    }
    literal.push_str(rest);
    parts.push(Part::Text(literal));
    parts
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREET: PromptSource = PromptSource {
        name: "greet",
        text: "Be [[mood]].\n\n=== user ===\nGreet [[name]] [1][2] [[Not a hole]].\n",
        needs: &["name"],
        knows: &["mood"],
    };

    fn parse(text: &str) -> Result<Prompt, String> {
        Prompt::parse(text, &GREET, "greet").map_err(|bad| bad.to_string())
    }

    #[test]
    fn holes_are_filled_once_and_values_are_only_text() {
        let prompt = Prompts::default().load(&GREET).unwrap();
        let filled = prompt.fill(&[("mood", "kind"), ("name", "[[mood]]")]);
        assert_eq!(filled.system, "Be kind.");
        assert_eq!(filled.user, "Greet [[mood]] [1][2] [[Not a hole]].");
    }

    #[test]
    fn a_prompt_that_leaves_out_or_invents_holes_is_refused_by_name() {
        for (text, says) in [
            ("Greet [[name]]", "needs a line `=== user ===`"),
            ("a\n=== user ===\n[[name]]\n=== user ===\n", "needs a line `=== user ===`"),
            ("a\n=== user ===\n[[name]]\n=== assistant ===\nb", "needs a line `=== user ===`"),
            ("a\n=== assistant ===\nb\n=== user ===\n[[name]]", "needs a line `=== user ===`"),
            ("a\n=== user ===\nGreet them", "needs the hole [[name]]"),
            ("a\n=== user ===\n[[name]] [[tools]]", "has a hole [[tools]], only these"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("prompt greet") && message.contains(says), "{message}");
        }
    }

    #[test]
    fn examples_are_exchanges() {
        let text = "s\n=== user ===\nGreet Ann\n=== assistant ===\nHi [[mood]] Ann\n\n=== user ===\nGreet [[name]]";
        let filled = parse(text).unwrap().fill(&[("name", "Bob"), ("mood", "dear")]);
        let (user, assistant) = ("Greet Ann".to_owned(), "Hi dear Ann".to_owned());
        assert_eq!(filled.examples, [Exchange { user, assistant }]);
        assert_eq!(filled.user, "Greet Bob");
    }

    #[test]
    fn a_folder_replaces_the_prompts_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let prompts = Prompts::new(Some(folder.path().to_owned()));
        assert_eq!(prompts.load(&GREET).unwrap(), parse(GREET.text).unwrap());
        std::fs::write(folder.path().join("greet.md"), "s\n=== user ===\n[[name]]!").unwrap();
        assert_eq!(prompts.load(&GREET).unwrap().fill(&[("name", "Eve")]).user, "Eve!");
        std::fs::write(folder.path().join("gret.md"), "a slip").unwrap();
        assert!(prompts.replaces(&GREET));
        assert_eq!(prompts.strangers(&[GREET]).unwrap(), [folder.path().join("gret.md")]);
        std::fs::write(folder.path().join("greet.md"), "nothing").unwrap();
        assert!(prompts.load(&GREET).unwrap_err().to_string().contains("greet.md"));
    }
}
