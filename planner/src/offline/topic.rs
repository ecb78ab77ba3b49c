//! What is looked up: a named subject, and what is asked about it.
//!
//! `the cost of living in San Francisco and Austin` is two topics: the subjects `San Francisco` and
//! `Austin`, both with the aspect `cost of living`.

use super::amount::Measure;
use super::reader::{find_any, starts_with};
use super::token::{Kind, Token, phrase};
use super::vocabulary::{
    ARTICLES, ASPECTS, COMPARATIVES, FIXED, NAME_HEADS, NEVER_IN_TOPICS, PEOPLE, PLAIN_TAILS,
    PREPOSITIONS, REQUESTS, TAILS,
};

/// A subject and what is asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    /// What is asked; empty if everything is.
    pub(super) aspect: String,
    pub(super) subject: String,
    /// How the goal joined the two: `in`, `of a`; empty if it did not.
    pub(super) joint: String,
    /// For whom, as `for a nurse`: shown, not searched for, since documents speak of things.
    pub(super) reader: String,
}

/// Longer subjects are whole sentences that were not understood.
const MAX_SUBJECT_WORDS: usize = 8;
const MAX_ASPECT_WORDS: usize = 16;

impl Topic {
    /// What the search is asked for.
    pub(super) fn query(&self) -> String {
        if self.aspect.is_empty() {
            return self.subject.clone();
        }
        format!("{} {}", self.aspect, self.subject)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        let what = match (self.aspect.as_str(), self.joint.as_str()) {
            ("", _) => self.subject.clone(),
            (aspect, "") => format!("{}: {aspect}", self.subject),
            (aspect, joint) => format!("the {aspect} {joint} {}", self.subject),
        };
        if self.reader.is_empty() { what } else { format!("{what} ({})", self.reader) }
    }
}

/// How the members of a list are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separators {
    /// `A, B and C`, `A or B`, `A vs B`.
    Lists,
    /// Also `A with B`, `A to B`, as after `compare`.
    Comparisons,
}

/// Reads a list of topics; nothing if it is none.
pub(super) fn topics(tokens: &[Token<'_>], separators: Separators) -> Option<Vec<Topic>> {
    let signs = |token: &Token<'_>| matches!(token.kind, Kind::Open | Kind::Close);
    let tokens: Vec<_> = tokens.iter().filter(|token| !signs(token)).cloned().collect();
    let (list, tail) = without_tail(&tokens, separators);
    let mut parts: Vec<_> = items(list, separators).into_iter().map(Part::read).collect();
    share(&mut parts);
    let reader = if is_reader(tail) { phrase(tail) } else { String::new() };
    let tail = tail_aspect(tail)?;
    let topics =
        parts.into_iter().map(|part| part.topic(&tail, &reader)).collect::<Option<Vec<_>>>()?;
    (!topics.is_empty()).then_some(topics)
}

/// `in terms of price`, `for beginners`, `: speed` after a list.
fn without_tail<'t, 'g>(
    tokens: &'t [Token<'g>],
    separators: Separators,
) -> (&'t [Token<'g>], &'t [Token<'g>]) {
    let first = (0..tokens.len()).find(|at| separator(&tokens[*at..], separators) > 0);
    // Without a list, what follows `for` is the subject itself, unless something stands before it.
    let preposition = tokens.iter().position(|token| token.is_any(&["in", "of", "at"]));
    let from = first.or(preposition).map_or(tokens.len(), |at| at + 1).min(tokens.len());
    let colon = tokens.iter().position(|token| token.kind == Kind::Colon);
    let plain = find_any(tokens, PLAIN_TAILS).map(|(at, _)| at).filter(|at| *at > 0);
    let marked = find_any(&tokens[from..], TAILS).map(|(at, _)| from + at);
    let listed = first.is_some() || marked.is_some_and(|at| is_reader(&tokens[at..]));
    let cuts = [plain, marked.filter(|_| listed), colon];
    tokens.split_at(cuts.into_iter().flatten().min().unwrap_or(tokens.len()))
}

/// Whether a tail says for whom the answer is: documents speak of things, not of their readers.
fn is_reader(tail: &[Token<'_>]) -> bool {
    tail.first().is_some_and(|token| token.is("for"))
        && tail.get(1).is_some_and(|token| token.is_any(PEOPLE))
}

fn tail_aspect(tail: &[Token<'_>]) -> Option<String> {
    if tail.is_empty() || is_reader(tail) {
        return Some(String::new());
    }
    let marker = TAILS.iter().find_map(|words| starts_with(tail, words)).unwrap_or(1);
    let body = without_articles(&tail[marker..]);
    (!body.is_empty() && body.len() <= MAX_ASPECT_WORDS && is_plain(body)).then(|| phrase(body))
}

/// The length of a separator at the start of a row.
fn separator(tokens: &[Token<'_>], separators: Separators) -> usize {
    let words: &[&str] = match separators {
        Separators::Lists => &["as well as", "and", "or", "vs", "vs.", "versus", "v", "v."],
        Separators::Comparisons => &[
            "as well as",
            "compared to",
            "compared with",
            "in comparison to",
            "and",
            "or",
            "vs",
            "vs.",
            "versus",
            "v",
            "v.",
            "with",
            "to",
            "against",
        ],
    };
    match tokens.first() {
        Some(token) if token.kind == Kind::Comma => 1,
        _ => words.iter().find_map(|words| starts_with(tokens, words)).unwrap_or(0),
    }
}

fn items<'t, 'g>(tokens: &'t [Token<'g>], separators: Separators) -> Vec<&'t [Token<'g>]> {
    let mut items = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < tokens.len() {
        let length = separator(&tokens[at..], separators);
        if length > 0 {
            items.push(&tokens[start..at]);
            start = at + length;
        }
        at += length.max(1);
    }
    items.push(&tokens[start..]);
    // `A, B, and C` has an empty item between the comma and the word.
    items.retain(|item| !item.is_empty());
    items
}

/// One member of a list, taken apart.
#[derive(Debug)]
struct Part<'t, 'g> {
    aspect: &'t [Token<'g>],
    subject: &'t [Token<'g>],
    /// The preposition between the two, if that is how they are joined.
    joint: Option<&'t Token<'g>>,
    /// Whether an article shows that the member stands on its own.
    article: bool,
    /// How the joint reads with the article after it.
    joined: String,
    shared_aspect: String,
    context: String,
}

impl<'t, 'g> Part<'t, 'g> {
    fn read(item: &'t [Token<'g>]) -> Self {
        let leads = [
            "also about",
            "also",
            "about",
            "in",
            "of",
            "for",
            "from",
            "at",
            "that of",
            "those of",
            "that in",
            "both",
        ];
        let skip = leads.iter().find_map(|words| starts_with(item, words)).unwrap_or(0);
        let item = if skip < item.len() { &item[skip..] } else { item };
        let body = without_articles(item);
        let (aspect, joint, whole) = take_apart(body);
        let subject = without_articles(whole);
        let articles = phrase(&whole[..whole.len() - subject.len()]);
        let joined = joint.map(|joint| format!("{} {articles}", joint.text));
        Self {
            aspect,
            subject,
            joint,
            article: body.len() < item.len(),
            joined: joined.unwrap_or_default().trim_end().to_owned(),
            shared_aspect: String::new(),
            context: String::new(),
        }
    }

    /// Whether it says only what is asked, as `population` in `the population and area of France`.
    fn is_bare_aspect(&self) -> bool {
        self.aspect.is_empty() && self.subject.iter().all(|token| !token.is_name()) && {
            let last = self.subject.last();
            last.is_some_and(|token| token.is_any(ASPECTS)) || fixed_at(self.subject, 0) > 0
        }
    }

    fn topic(&self, tail: &str, reader: &str) -> Option<Topic> {
        let own = phrase(self.aspect);
        let aspect = [own.as_str(), &self.shared_aspect, &self.context, tail]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let subject = phrase(self.subject);
        let subject = subject.strip_suffix("'s").unwrap_or(&subject);
        let named = subject.chars().any(char::is_alphanumeric)
            && self.subject.iter().any(|token| token.amount().is_none())
            && self.subject.len() <= MAX_SUBJECT_WORDS
            && self.aspect.len() <= MAX_ASPECT_WORDS
            && self.subject.iter().chain(self.aspect).all(|token| {
                let counted = token.amount().is_some_and(|amount| amount.of != Measure::Plain);
                !counted && !matches!(token.kind, Kind::Currency | Kind::Sign(_))
            });
        let request = |row: &[Token<'_>]| row.first().is_some_and(|token| token.is_any(REQUESTS));
        let plain = is_plain(self.subject) && is_plain(self.aspect);
        let verdict = COMPARATIVES.iter().any(|(word, _)| subject.eq_ignore_ascii_case(word));
        let wanted = named && plain && !verdict && !request(self.subject) && !request(self.aspect);
        let bare = self.context.is_empty() && tail.is_empty();
        let joint = if bare { self.joined.clone() } else { String::new() };
        let (subject, reader) = (subject.to_owned(), reader.to_owned());
        wanted.then_some(Topic { aspect, subject, joint, reader })
    }
}

/// Whether no word shows that this is a sentence of its own instead of a name.
fn is_plain(tokens: &[Token<'_>]) -> bool {
    tokens.iter().all(|token| {
        let lower = token.text == token.word || token.opens || token.is("i");
        let sign = matches!(token.kind, Kind::Colon | Kind::Stop);
        !(sign || lower && token.is_any(NEVER_IN_TOPICS))
    })
}

fn without_articles<'t, 'g>(mut tokens: &'t [Token<'g>]) -> &'t [Token<'g>] {
    while let [first, rest @ ..] = tokens
        && first.is_any(ARTICLES)
        && !rest.is_empty()
    {
        tokens = rest;
    }
    tokens
}

/// Aspect, joint and subject of one member.
type Apart<'t, 'g> = (&'t [Token<'g>], Option<&'t Token<'g>>, &'t [Token<'g>]);

fn take_apart<'t, 'g>(body: &'t [Token<'g>]) -> Apart<'t, 'g> {
    let owner = body.iter().position(|token| token.word.ends_with("'s"));
    if let Some(owner) = owner.filter(|at| at + 1 < body.len()) {
        return (&body[owner + 1..], None, &body[..=owner]);
    }
    let joint = (1..body.len().saturating_sub(1)).rev().find(|at| is_joint(body, *at));
    if let Some(at) = joint {
        return (&body[..at], Some(&body[at]), &body[at + 1..]);
    }
    let fixed = fixed_at(body, 0);
    if fixed > 0 && fixed < body.len() {
        return (&body[..fixed], None, &body[fixed..]);
    }
    let names = leading_names(body);
    if (1..body.len()).contains(&names) {
        return (&body[names..], None, &body[..names]);
    }
    let aspect = trailing_aspect(body);
    (&body[aspect..], None, &body[..aspect])
}

/// Whether a preposition joins an aspect to its subject, instead of standing inside a name
/// (`University of Texas`) or a fixed phrase (`cost of living`).
fn is_joint(body: &[Token<'_>], at: usize) -> bool {
    if !body[at].is_any(PREPOSITIONS) {
        return false;
    }
    let before = &body[at - 1];
    let after = without_articles(&body[at + 1..]);
    let name_after = after.first().is_some_and(Token::is_name);
    let in_name = body[at].is("of")
        && name_after
        && (before.is_name() && !before.opens && !before.is_any(ASPECTS)
            || before.is_any(NAME_HEADS));
    let fixed = (0..at).any(|start| start + fixed_at(body, start) > at);
    !in_name && !fixed
}

fn fixed_at(body: &[Token<'_>], at: usize) -> usize {
    FIXED.iter().find_map(|words| starts_with(&body[at..], words)).unwrap_or(0)
}

/// How many tokens in front are a name, if something that is none follows.
fn leading_names(body: &[Token<'_>]) -> usize {
    let inside = |at: usize| {
        let linked = body[at].is_any(&["of", "the"]) && at > 0 && at + 1 < body.len();
        body[at].is_name()
            || body[at].is_any(NAME_HEADS)
            || linked && !is_joint(body, at) && {
                without_articles(&body[at + 1..]).first().is_some_and(Token::is_name)
            }
    };
    let names = (0..body.len()).take_while(|at| inside(*at)).count();
    let opens = body.first().is_some_and(|token| token.opens);
    let asked = body.last().is_some_and(|token| token.is_any(ASPECTS)) || ends_fixed(body);
    if opens && names == 1 && !asked { 0 } else { names }
}

fn ends_fixed(body: &[Token<'_>]) -> bool {
    (0..body.len()).any(|at| fixed_at(body, at) == body.len() - at)
}

/// Where the words of an aspect begin that end a member, as in `austin rent`; its length if none.
fn trailing_aspect(body: &[Token<'_>]) -> usize {
    if let Some(at) = (1..body.len()).find(|at| fixed_at(body, *at) == body.len() - at) {
        return at;
    }
    let aspects = body.iter().rev().take_while(|token| token.is_any(ASPECTS)).count();
    if aspects < body.len() { body.len() - aspects } else { body.len() }
}

/// Spreads what one member of a list says over the members that leave it out.
fn share(parts: &mut [Part<'_, '_>]) {
    share_place(parts);
    for at in (1..parts.len()).rev() {
        if parts[at - 1].is_bare_aspect() && !parts[at].aspect.is_empty() {
            parts[at - 1].aspect = parts[at - 1].subject;
            parts[at - 1].subject = parts[at].subject;
            parts[at - 1].joined = parts[at].joined.clone();
        }
    }
    let said = |part: &Part<'_, '_>| (!part.aspect.is_empty()).then(|| phrase(part.aspect));
    let first = parts.first().and_then(said);
    let last = parts.last().filter(|part| part.joint.is_none()).and_then(said);
    let joined = parts.first().map(|part| part.joined.clone()).unwrap_or_default();
    if let Some(aspect) = first.or(last) {
        for part in parts.iter_mut().filter(|part| part.aspect.is_empty()) {
            part.shared_aspect.clone_from(&aspect);
            part.joined.clone_from(&joined);
        }
    }
}

/// `tea and coffee in Japan`: the place at the end belongs to every member.
fn share_place(parts: &mut [Part<'_, '_>]) {
    let [first, .., last] = parts else { return };
    let Some(joint) = last.joint.filter(|joint| joint.is_any(&["in", "at", "near", "from"])) else {
        return;
    };
    let head = last.aspect;
    let own = last.article || head.last().is_some_and(|token| token.is_any(ASPECTS));
    let same = first.joint.is_some_and(|other| other.word == joint.word);
    // `Oslo and Rome in July`: a name is never what is asked about a month or a place.
    let named = head.iter().all(Token::is_name);
    if !named && (own || same || ends_fixed(head) || first.is_bare_aspect()) {
        return;
    }
    let place = format!("{} {}", joint.text, phrase(last.subject));
    (last.aspect, last.joint, last.subject) = take_apart(head);
    for part in parts.iter_mut() {
        part.context.clone_from(&place);
    }
}
