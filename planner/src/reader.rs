//! Reads a plan out of a model's text while it is being written.
//!
//! The text comes in pieces of any size. Each step leaves with the piece that completes it; what is
//! wrong is said at the end, in words for the model that will write the plan again. Nothing is ever
//! sent that was not there: what could mean two things is refused.
//!
//! ```text
//! pieces → seek a bracket → candidate → element → JSON  → draft
//!          (prose)          candidate   lexer     mend    step, inputs
//! ```

mod candidate;
mod inputs;
mod lexer;
mod mend;
mod repetition;
mod step;

use std::ops::Range;

use serde_json::Value;
use sortie_engine::{Problem, StepDraft, StepNumber};
use sortie_llm::StopReason;

use candidate::{Candidate, Found};
use mend::shown;

pub use inputs::ToolInputs;

/// A plan is far smaller; a model that repeats itself is not.
const MAX_TEXT_BYTES: usize = 512 * 1024;
/// Brackets that turn out to be prose are read again from behind the first. So much reading in all
/// is many times what any plan takes, and ends text that is made to be read over and over.
const MAX_READ_BYTES: usize = 4 * MAX_TEXT_BYTES;
/// What follows a whole plan is read so far, for another one that contradicts it: a model that has
/// said all and goes on for ever costs time and money.
const MAX_REST_BYTES: usize = 16 * 1024;
/// More helps no author.
const MAX_PROBLEMS: usize = 32;

/// Reads one plan. Feed it with [`push`](Self::push) until the text ends or
/// [`is_over`](Self::is_over), then ask what is wrong with [`finish`](Self::finish).
#[derive(Debug)]
pub struct PlanReader {
    tools: ToolInputs,
    max_steps: usize,
    text: String,
    /// Where the search for a plan goes on.
    at: usize,
    /// Whether it stands in what a model thinks aloud.
    thinking: bool,
    read_bytes: usize,
    candidate: Option<Candidate>,
    /// What was taken out of the candidate, as JSON where it could be read.
    taken: Vec<Option<Value>>,
    /// The elements of the first whole plan.
    first: Option<Vec<Option<Value>>>,
    /// How far the text is read once there is a whole plan.
    end: usize,
    problems: Vec<Problem>,
    over: bool,
}

impl PlanReader {
    /// A reader for a plan of at most `max_steps` steps.
    #[must_use]
    pub fn new(tools: ToolInputs, max_steps: usize) -> Self {
        Self {
            tools,
            max_steps,
            text: String::new(),
            at: 0,
            thinking: false,
            read_bytes: 0,
            candidate: None,
            taken: Vec::new(),
            first: None,
            end: usize::MAX,
            problems: Vec::new(),
            over: false,
        }
    }

    /// More of the text: the steps that are complete with it.
    pub fn push(&mut self, piece: &str) -> Vec<StepDraft> {
        let mut steps = Vec::new();
        let mut rest = piece;
        while !self.over && !rest.is_empty() {
            // Looked at where the text stands, not where its pieces do.
            let to_look = repetition::STRIDE - self.text.len() % repetition::STRIDE;
            let (now, later) = rest.split_at(rest.ceil_char_boundary(to_look));
            rest = later;
            if self.text.len() + now.len() > MAX_TEXT_BYTES {
                self.give_up(format!("the text is longer than {MAX_TEXT_BYTES} bytes: be brief"));
                break;
            }
            self.text.push_str(now);
            while !self.over && self.go_on(&mut steps) {}
            if !self.over && now.len() >= to_look && repetition::is_endless(&self.text) {
                self.repeats();
            }
        }
        steps
    }

    /// Whether the rest of the text cannot matter any more: the model need not write it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Everything that is wrong, now that there is no more text.
    #[must_use]
    pub fn finish(mut self, stop: StopReason) -> Vec<Problem> {
        if !self.over {
            self.say_what_is_missing(stop);
        }
        match stop {
            StopReason::Complete => {}
            StopReason::Length => self.say(
                "the plan was cut off where the model may write no more: write a shorter one, with \
                 fewer steps and short descriptions",
            ),
            StopReason::Filtered => {
                self.say("the plan was cut off by the provider's filter, or the model refused");
            }
        }
        self.problems
    }

    fn say_what_is_missing(&mut self, stop: StopReason) {
        let open = self.candidate.as_ref();
        let broken_off = open.is_some_and(|open| {
            open.is_numbered() || !self.taken.is_empty() || self.first.is_none()
        });
        if broken_off {
            let from = open.and_then(Candidate::element);
            let within = from.and_then(|from| number_in(&self.text[from..]));
            let place = within.map_or(String::new(), |step| format!(" in step {step}"));
            self.say(&format!(
                "the text breaks off{place}, brackets or quotes are still open: write the whole \
                 plan, and each quote inside text as \\\""
            ));
        } else if self.first.is_none() && self.problems.is_empty() && stop != StopReason::Filtered {
            let says = match shown(&self.text) {
                said if said.is_empty() => "it is empty".to_owned(),
                said => format!("it begins with `{said}`"),
            };
            self.say(&format!(
                "the text holds no plan, {says}: write one JSON object {{\"steps\": […]}} and \
                 nothing else"
            ));
        }
    }

    /// Takes one step forward; false if more text is needed.
    fn go_on(&mut self, steps: &mut Vec<StepDraft>) -> bool {
        let Some(candidate) = &mut self.candidate else { return self.seek() };
        let before = candidate.at();
        let found = candidate.read(&self.text, !self.taken.is_empty());
        self.read_bytes += candidate.at() - before;
        if self.read_bytes > MAX_READ_BYTES {
            self.give_up("the text is a heap of brackets: write one JSON object and nothing else");
            return false;
        }
        match found {
            None => return false,
            Some(Found::Nothing) => {}
            Some(Found::Element(range)) => self.element(range, steps),
            Some(Found::Stranger(_)) if self.taken.is_empty() => self.abandon(),
            Some(Found::Stranger(range)) => {
                let what = shown(&self.text[range]);
                self.say(&format!("the list of steps holds `{what}`, which is no step"));
                self.took(None);
            }
            Some(Found::PlanEnd(to)) => self.plan_ends(to),
            Some(Found::ObjectEnd(range)) => self.bare_object(range, steps),
            Some(Found::Broken(why)) => self.broken(why),
        }
        true
    }

    /// Looks for the next bracket, past what a model thinks aloud.
    fn seek(&mut self) -> bool {
        const OPEN: &str = "<think";
        if self.thinking {
            return self.think();
        }
        let rest = &self.text[self.at..];
        let Some(offset) = rest.find(['{', '[', '<']) else {
            self.at = self.text.len();
            self.over |= self.at > self.end;
            return false;
        };
        self.at += offset;
        if self.at > self.end {
            self.over = true;
            return false;
        }
        let here = &self.text[self.at..];
        if !here.starts_with('<') {
            self.candidate = Some(Candidate::new(self.at));
            return true;
        }
        self.thinking = here.starts_with(OPEN);
        let may_become = OPEN.starts_with(here) && !self.thinking;
        self.at += usize::from(!may_become);
        !may_become
    }

    /// Looks for the end of a thought.
    fn think(&mut self) -> bool {
        const CLOSE: &str = "</think";
        let rest = &self.text[self.at..];
        if let Some(end) = rest.find(CLOSE) {
            self.at += end + CLOSE.len();
            self.thinking = false;
            return true;
        }
        // Its end may have begun.
        let open = rest.rfind('<').filter(|from| CLOSE.starts_with(&rest[*from..]));
        self.at += open.unwrap_or(rest.len());
        false
    }

    fn element(&mut self, range: Range<usize>, steps: &mut Vec<StepDraft>) {
        let read = mend::read(&self.text[range.clone()]);
        let candidate = self.candidate.as_ref();
        let numbered = candidate.is_some_and(Candidate::is_numbered);
        let named = candidate.is_some_and(Candidate::is_named);
        let is_plan = !self.taken.is_empty() || numbered;
        match read {
            Ok(value) if is_plan || named || step::is_meant(&value) => self.take(value, steps),
            Err(why) if is_plan => {
                let step = number_in(&self.text[range]);
                let message = format!("a step cannot be read as JSON: {why}");
                self.problem(Problem { step, message });
                self.took(None);
            }
            Ok(_) | Err(_) => self.abandon(),
        }
    }

    /// An object that is a plan of one step, or none.
    fn bare_object(&mut self, range: Range<usize>, steps: &mut Vec<StepDraft>) {
        match mend::read(&self.text[range.clone()]) {
            Ok(value) if value.get("tool").is_some() && value.get("step_number").is_some() => {
                self.take(value, steps);
                self.plan_ends(range.end);
            }
            Ok(_) => self.abandon(),
            Err(why) => self.broken(&why),
        }
    }

    fn take(&mut self, value: Value, steps: &mut Vec<StepDraft>) {
        if let Some(first) = &self.first {
            let same = first.get(self.taken.len()) == Some(&Some(value.clone()));
            self.took(Some(value));
            if !same {
                self.two_plans();
            }
            return;
        }
        if self.taken.len() >= self.max_steps {
            self.give_up(format!("the plan has more than {} steps", self.max_steps));
            return;
        }
        match step::draft(&value, &self.tools) {
            Ok(draft) => steps.push(draft),
            Err(faults) => faults.into_iter().for_each(|fault| self.problem(fault)),
        }
        self.took(Some(value));
    }

    fn took(&mut self, value: Option<Value>) {
        self.taken.push(value);
    }

    fn plan_ends(&mut self, to: usize) {
        let from = self.candidate.as_ref().map(Candidate::from);
        if self.taken.is_empty() && from.is_some_and(|from| self.text[from..].starts_with('[')) {
            return self.abandon(); // `[]` is prose
        }
        let plan = std::mem::take(&mut self.taken);
        self.candidate = None;
        self.at = to;
        match &self.first {
            None => {
                self.first = Some(plan);
                self.end = to + MAX_REST_BYTES;
            }
            Some(first) if *first != plan => self.two_plans(),
            Some(_) => {}
        }
    }

    /// Behind a whole plan it does not matter what is said.
    fn repeats(&mut self) {
        match self.first {
            Some(_) => self.over = true,
            None => {
                self.give_up("the text repeats itself without end: write each step once, short");
            }
        }
    }

    fn two_plans(&mut self) {
        self.give_up("the text holds two different plans: write one object {\"steps\": […]}");
    }

    /// It was prose, unless it has the marks of a plan.
    fn broken(&mut self, why: &str) {
        let Some(candidate) = &self.candidate else { return };
        if self.taken.is_empty() && !candidate.is_numbered() {
            return self.abandon();
        }
        // Only what is read: the rest may not be there yet.
        let read = candidate.element().map(|from| &self.text[from..candidate.at()]);
        let step = read.and_then(number_in);
        self.problem(Problem { step, message: format!("the plan is no JSON from here on: {why}") });
        self.over = true;
    }

    fn abandon(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            self.at = candidate.from() + 1;
        }
        self.taken.clear();
    }

    fn give_up(&mut self, message: impl Into<String>) {
        self.say(&message.into());
        self.over = true;
    }

    fn say(&mut self, message: &str) {
        self.problem(Problem { step: None, message: message.to_owned() });
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.contains(&problem) {
            return;
        }
        self.problems.push(problem);
        self.over |= self.problems.len() >= MAX_PROBLEMS;
    }
}

/// The number of a step whose text cannot be read.
fn number_in(text: &str) -> Option<StepNumber> {
    let (_, behind) = text.split_once("step_number")?;
    let digits = behind.trim_start_matches(['"', '\'', '”', '“', ':', ' ']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().map(StepNumber::new)
}
