//! One place in the text that may be a plan.
//!
//! ```text
//! [ {step}, {step} ]                 a list of steps
//! { …, "steps": [ {step}, … ], … }   a plan
//! { "step_number": 1, … }            one step
//! ```
//!
//! Brackets are followed sign by sign; what stands between them is understood only once it is
//! delimited. Prose holds brackets too, so a candidate that breaks JSON's rules early is no plan at
//! all, which is not the same as a plan that is broken.

use std::ops::Range;

use super::lexer::{Kind, Lexer, Token};

/// Deeper text is not read: whatever reads it is recursive.
const MAX_DEPTH: usize = 100;

/// What a sign tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// A whole element of the list of steps.
    Element(Range<usize>),
    /// Something in the list of steps that is no object.
    Stranger(Range<usize>),
    /// The candidate ends, and it had a list of steps.
    PlanEnd(usize),
    /// The candidate ends without one: an object that may be a step.
    ObjectEnd(Range<usize>),
    /// It breaks the rules.
    Broken(&'static str),
}

#[derive(Debug)]
pub(super) struct Candidate {
    from: usize,
    lexer: Lexer,
    /// The brackets that are open, outermost first.
    open: Vec<u8>,
    /// How many brackets stand around the steps, while their list is open.
    steps: Option<usize>,
    had_steps: bool,
    /// Where the element starts that is open.
    element: Option<usize>,
    member: Member,
    fresh: Fresh,
    last: Option<Token>,
    /// Whether it has the key that every step has.
    numbered: bool,
}

/// Where in the outermost object it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Key,
    Colon { steps: bool },
    Value { steps: bool },
    After,
}

/// What follows a `{` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    No,
    KeyOrEnd,
    Colon,
}

impl Candidate {
    /// `from` is where its bracket stands.
    pub(super) fn new(from: usize) -> Self {
        Self {
            from,
            lexer: Lexer::new(from),
            open: Vec::new(),
            steps: None,
            had_steps: false,
            element: None,
            member: Member::Key,
            fresh: Fresh::No,
            last: None,
            numbered: false,
        }
    }

    pub(super) fn from(&self) -> usize {
        self.from
    }

    /// How far it is read.
    pub(super) fn at(&self) -> usize {
        self.lexer.at()
    }

    /// Where the element starts that is open, if one is.
    pub(super) fn element(&self) -> Option<usize> {
        self.element
    }

    /// Whether it names its list `steps`: then whoever wrote it meant a plan.
    pub(super) fn is_named(&self) -> bool {
        self.open.first() == Some(&b'{')
    }

    /// Whether anybody wrote a step number in it.
    pub(super) fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// Reads one sign; nothing if more text is needed. `taken` says whether a step was taken out of
    /// it: then it is a plan, and only its elements' own text says whether they can be read.
    pub(super) fn read(&mut self, text: &str, taken: bool) -> Option<Found> {
        let token = self.lexer.next(text)?;
        let found = if !taken && !self.is_fresh_enough(token) {
            Found::Broken("an object needs a key")
        } else {
            self.take(text, token)
        };
        let is_key = token.kind == Kind::Colon
            && self.last.is_some_and(|last| key(text, last) == Some("step_number"));
        self.numbered |= is_key;
        self.last = Some(token);
        Some(found)
    }

    fn is_fresh_enough(&mut self, token: Token) -> bool {
        let (next, fits) = match (self.fresh, token.kind) {
            (Fresh::KeyOrEnd, Kind::Text(_) | Kind::Word) => (Fresh::Colon, true),
            (Fresh::KeyOrEnd, Kind::Close(_)) | (Fresh::Colon, Kind::Colon) => (Fresh::No, true),
            // `{{` begins a reference whose author forgot its quotes.
            (Fresh::KeyOrEnd, Kind::Open(b'{')) => (Fresh::No, true),
            (Fresh::No, Kind::Open(b'{')) => (Fresh::KeyOrEnd, true),
            (Fresh::No, _) => (Fresh::No, true),
            (Fresh::KeyOrEnd | Fresh::Colon, _) => (Fresh::No, false),
        };
        self.fresh = next;
        fits
    }

    fn take(&mut self, text: &str, token: Token) -> Found {
        let depth = self.open.len();
        let beside_steps = self.steps == Some(depth) && self.element.is_none();
        let in_root = depth == 1 && self.steps.is_none() && self.open.first() == Some(&b'{');
        if in_root && !self.take_member(text, token) {
            return Found::Broken("the plan's own object breaks JSON's rules");
        }
        match token.kind {
            Kind::Open(bracket) => self.opens(bracket, token, beside_steps),
            Kind::Close(bracket) => self.closes(bracket, token),
            Kind::Text(_) | Kind::Word | Kind::Colon if beside_steps => {
                Found::Stranger(token.from..token.to)
            }
            Kind::Text(_) | Kind::Word | Kind::Colon | Kind::Comma => Found::Nothing,
        }
    }

    /// Follows the members of the outermost object; whether the sign fits there.
    fn take_member(&mut self, text: &str, token: Token) -> bool {
        self.member = match (self.member, token.kind) {
            (Member::Key | Member::After, Kind::Text(_) | Kind::Word) => {
                Member::Colon { steps: key(text, token) == Some("steps") }
            }
            (Member::Key | Member::After, Kind::Comma) => Member::Key,
            (Member::Key | Member::After, Kind::Close(_)) => Member::After,
            (Member::Colon { steps }, Kind::Colon) => Member::Value { steps },
            (Member::Value { steps: true }, Kind::Open(b'[')) if !self.had_steps => {
                self.steps = Some(2);
                Member::After
            }
            // A second list of steps would be another plan in the same object.
            (Member::Value { steps: true }, _) if self.had_steps => return false,
            (Member::Value { .. }, Kind::Open(_) | Kind::Text(_) | Kind::Word) => Member::After,
            _ => return false,
        };
        true
    }

    fn opens(&mut self, bracket: u8, token: Token, beside_steps: bool) -> Found {
        if self.open.len() >= MAX_DEPTH {
            return Found::Broken("it is nested too deeply");
        }
        match self.open.len() {
            0 if bracket == b'[' => self.steps = Some(1),
            _ if beside_steps => self.element = Some(token.from),
            _ => {}
        }
        self.open.push(bracket);
        Found::Nothing
    }

    fn closes(&mut self, bracket: u8, token: Token) -> Found {
        let opened = if bracket == b'}' { b'{' } else { b'[' };
        if self.open.pop() != Some(opened) {
            return Found::Broken("its brackets do not match");
        }
        let depth = self.open.len();
        if self.steps == Some(depth)
            && let Some(from) = self.element.take()
        {
            let range = from..token.to;
            return if bracket == b'}' { Found::Element(range) } else { Found::Stranger(range) };
        }
        if self.steps == Some(depth + 1) {
            self.steps = None;
            self.had_steps = true;
        }
        match (depth, self.had_steps) {
            (0, true) => Found::PlanEnd(token.to),
            (0, false) => Found::ObjectEnd(self.from..token.to),
            _ => Found::Nothing,
        }
    }
}

/// A key without its quotes.
fn key(text: &str, token: Token) -> Option<&str> {
    match token.kind {
        Kind::Text(quote) => text.get(token.from + quote.width()..token.to - quote.width()),
        Kind::Word => text.get(token.from..token.to),
        _ => None,
    }
}
