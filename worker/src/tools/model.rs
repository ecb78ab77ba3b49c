//! The tools that read texts with a model, one file each, and what they have in common.
//!
//! ```text
//! input ──> texts between marks ──> prompt ──> ONE model call ──> result, signed
//!               │                                 │   │   │
//!          cut to fit                        refused empty cut off
//! ```
//!
//! An attempt is one call, as the engine counts: nothing here asks twice, and what was used is told
//! in every case. What goes in stands between marks that it cannot leave, and what comes out is
//! text or JSON in a result that says who wrote it; nobody reads instructions or references in it.
//! Nothing is spawned: dropping the tool's future closes the call.

use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{Failure, FailureKind, ToolSpec, Usage};
use sortie_llm::{Purpose, Request, Shape, StopReason};
use sortie_models::{Model, Prompt, PromptSource, Prompts, fenced};

use super::texts::Texts;
use super::{BuiltinError, Description, described, invalid, spec};
use crate::tool::Call;

mod ask;
mod extract;
mod reply;
mod summarize;

pub use ask::Ask;
pub use extract::Extract;
pub use summarize::Summarize;

/// The prompts of all these tools, each under its tool's name.
pub const PROMPTS: [PromptSource; 3] = [ask::PROMPT, extract::PROMPT, summarize::PROMPT];

/// About 50,000 tokens: more than a local model reads with care, less than a hosted one takes.
const TEXT_BYTES: usize = 200 * 1024;
/// A local model writes a few tokens in a second and may have to be loaded first.
const TIMEOUT: Duration = Duration::from_secs(300);
/// What a model may write, reasoning included. It ends a model that repeats itself for ever.
const MAX_TOKENS: u32 = 4096;
/// Many times what so many tokens hold: for a model that ignores their limit.
const MAX_REPLY_BYTES: usize = 128 * 1024;
/// A reply written as JSON, once as text and once as a value.
const MAX_RESULT_BYTES: u64 = 1024 * 1024;

/// What texts are read with.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The model.
    pub model: Model,
    /// Where the prompts come from.
    pub prompts: Prompts,
    /// How many bytes of text go into one call at most; each of several texts has its share. Less
    /// than a model's window: a token has three to four bytes of English.
    pub text_bytes: usize,
}

impl Reading {
    /// Reading with this model, the program's own prompts, and the usual amount of text.
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self { model, prompts: Prompts::default(), text_bytes: TEXT_BYTES }
    }
}

/// What one of the tools asks its model with.
struct Reader {
    model: Model,
    prompt: Prompt,
    purpose: Purpose,
    text_bytes: usize,
}

/// What a model wrote: never empty.
struct Said {
    text: String,
    by: String,
    cut_off: bool,
}

/// Texts as they stand in a prompt.
struct Blocks {
    text: String,
    truncated: bool,
}

/// What is owed for a call: of unknown price, until its end is known. It is told when this is
/// dropped, so also when a call fails half-way or nobody waits for it any more.
struct Bill<'a> {
    call: &'a Call,
    usage: Usage,
}

impl<'a> Bill<'a> {
    fn open(call: &'a Call) -> Self {
        let usage = Usage { model_calls: 1, unpriced_calls: 1, ..Usage::default() };
        Self { call, usage }
    }

    fn settle(mut self, usage: Usage) {
        self.usage = usage;
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        self.call.spent(self.usage);
    }
}

impl Reader {
    fn new(
        reading: &Reading,
        prompt: &PromptSource,
        purpose: Purpose,
    ) -> Result<Self, BuiltinError> {
        let bad = |source| BuiltinError::Prompt { tool: prompt.name, source };
        let prompt = reading.prompts.load(prompt).map_err(bad)?;
        Ok(Self { model: reading.model.clone(), prompt, purpose, text_bytes: reading.text_bytes })
    }

    fn blocks(&self, texts: &Texts) -> Result<Blocks, Failure> {
        texts.bytes()?;
        blocks(texts.as_slice(), self.text_bytes)
    }

    /// The one call of an attempt.
    async fn ask(
        &self,
        values: &[(&str, &str)],
        shape: Option<Shape>,
        call: &Call,
    ) -> Result<Said, Failure> {
        let request = self.prompt.fill(values).request(self.purpose);
        let request = Request { shape, max_tokens: Some(MAX_TOKENS), ..request };
        let bill = Bill::open(call);
        let (text, ending) = self.model.complete(request, MAX_REPLY_BYTES).await?;
        bill.settle(self.model.usage(ending.tokens));
        let name = self.model.name();
        let cut_off = match ending.stop {
            StopReason::Complete => false,
            StopReason::Length => true,
            StopReason::Filtered => {
                let message =
                    format!("{name} refused to answer, or a filter of its provider cut it off");
                return Err(Failure::new(FailureKind::PermissionDenied, message));
            }
        };
        let text = text.trim().to_owned();
        if text.is_empty() {
            let message = match cut_off {
                true => format!("{name} wrote nothing within its limit of {MAX_TOKENS} tokens"),
                false => format!("{name} wrote nothing"),
            };
            return Err(Failure::new(FailureKind::InvalidAnswer, message));
        }
        let by = if name.model.is_empty() { name.provider } else { &name.model };
        Ok(Said { text, by: by.to_owned(), cut_off })
    }
}

/// Each text in a block of its own; those that are too long are cut and say so.
fn blocks(texts: &[String], budget: usize) -> Result<Blocks, Failure> {
    let texts: Vec<_> = texts.iter().filter(|text| !text.trim().is_empty()).collect();
    if texts.is_empty() {
        return Err(invalid("there is no text to read"));
    }
    let lengths: Vec<_> = texts.iter().map(|text| text.len()).collect();
    let mut truncated = false;
    let numbered = texts.iter().zip(shares(&lengths, budget)).enumerate();
    let blocks = numbered.map(|(index, (text, share))| {
        let part = &text[..text.floor_char_boundary(share)];
        let number = (index + 1).to_string();
        let cut = format!("only the first {} of {} bytes", part.len(), text.len());
        let mut attributes = Vec::new();
        if texts.len() > 1 {
            attributes.push(("number", number.as_str()));
        }
        if part.len() < text.len() {
            truncated = true;
            attributes.push(("part", cut.as_str()));
        }
        fenced("text", &attributes, part)
    });
    let text = blocks.collect::<Vec<_>>().join("\n\n");
    Ok(Blocks { text, truncated })
}

/// How much of each text fits: the same for all that are cut, and what short ones leave over goes
/// to the longer.
fn shares(lengths: &[usize], budget: usize) -> Vec<usize> {
    let mut shares = vec![0; lengths.len()];
    let mut by_length: Vec<_> = (0..lengths.len()).collect();
    by_length.sort_by_key(|index| lengths[*index]);
    let mut left = budget;
    for (done, index) in by_length.into_iter().enumerate() {
        shares[index] = lengths[index].min(left / (lengths.len() - done));
        left -= shares[index];
    }
    shares
}

/// The tool's fields and those that every result of a model has.
fn signed(mut result: Value, said: &Said, blocks: &Blocks) -> Value {
    result["by_model"] = json!(said.by);
    for (mark, holds) in [("truncated", blocks.truncated), ("cut_off", said.cut_off)] {
        if holds {
            result[mark] = json!(true);
        }
    }
    result
}

/// What planners know of such a tool. Its output has the fields of [`signed`] too.
fn model_spec(mut description: Description) -> Result<ToolSpec, BuiltinError> {
    let name = description.name;
    let output = &mut description.output;
    output["properties"]["by_model"] =
        json!({"type": "string", "description": "the model that wrote this"});
    let truncated = "there, where the texts were too long and were read in part";
    output["properties"]["truncated"] = json!({"const": true, "description": truncated});
    let cut_off = "there, where the model did not come to its end";
    output["properties"]["cut_off"] = json!({"const": true, "description": cut_off});
    if let Some(required) = output["required"].as_array_mut() {
        required.push(json!("by_model"));
    }
    let spec = described(name, spec(description))?;
    Ok(ToolSpec { timeout: TIMEOUT, calls_model: true, ..spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_leave_their_room_to_the_longer() {
        assert_eq!(shares(&[10, 20], 100), [10, 20]);
        assert_eq!(shares(&[100, 10, 100], 100), [45, 10, 45]);
        assert_eq!(shares(&[100, 100, 100], 100), [33, 33, 34]);
        assert_eq!(shares(&[5], 0), [0]);
    }

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        let texts = ["é".repeat(10), " \n".to_owned(), "short".to_owned()];
        let cut = blocks(&texts, 16).unwrap();
        assert!(cut.truncated);
        assert_eq!(
            cut.text,
            "<text number=\"1\" part=\"only the first 10 of 20 bytes\">\nééééé\n</text>\n\n\
             <text number=\"2\">\nshort\n</text>"
        );
        let whole = blocks(&texts[2..], 16).unwrap();
        assert!(!whole.truncated);
        assert_eq!(whole.text, "<text>\nshort\n</text>");
        assert_eq!(blocks(&texts[1..2], 16).err().unwrap().kind, FailureKind::InvalidInput);
    }

    #[test]
    fn every_prompt_can_be_used() {
        for prompt in PROMPTS {
            assert!(Prompts::default().load(&prompt).is_ok(), "{}", prompt.name);
        }
    }
}
