//! Things to look up, summaries, and the time.

use super::reader::{Reader, find_any, trim_end};
use super::token::{Kind, Token, phrase};
use super::topic::{Separators, Topic, topics};
use super::vocabulary::{ARTICLES, ASPECTS, FIXED};

/// What a clause wants found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookUp {
    Find(Vec<Topic>),
    /// The same as before about another subject: `what about Lisbon?`
    FollowUp(Vec<Topic>),
    /// Nothing to look up where everything meant was named before.
    Summarize {
        topics: Vec<Topic>,
        max_sentences: Option<u32>,
    },
    /// The time, in a zone of the tz database if one is named.
    Now {
        timezone: Option<String>,
    },
}

const INFORMATION: &[&str] = &[
    "information on",
    "information about",
    "info on",
    "info about",
    "facts about",
    "facts on",
    "the facts about",
    "details about",
    "details on",
    "data on",
    "data about",
    "everything about",
    "what is known about",
    "what we know about",
    "what you know about",
    "what you find about",
    "what you can find about",
    "something about",
    "more about",
    "about",
    "on",
    "background on",
    "what the documents say about",
    "what they say about",
    "the following topics",
    "topics",
];
const FIND: &[&str] = &[
    "what do you know about",
    "what do we know about",
    "what is known about",
    "what can you tell me about",
    "what do the documents say about",
    "tell me",
    "look up",
    "look for",
    "look into",
    "search for",
    "search the documents for",
    "search",
    "research",
    "find out",
    "find me",
    "find",
    "learn",
    "read",
    "explain",
    "describe",
    "define",
    "show me",
    "show",
    "give me some",
    "give me",
    "get me",
    "get",
    "check",
    "provide",
    "some",
    "determine",
];
const BE: &[&str] = &[
    "what is",
    "what's",
    "whats",
    "what are",
    "what was",
    "what were",
    "who is",
    "who's",
    "who are",
    "who was",
    "who were",
];
const SUMMARIZE: &[&str] = &["summarize", "summarise", "sum up", "recap"];
const MAKE: &[&str] =
    &["give me", "give", "provide", "make", "write", "prepare", "produce", "show me"];
const SHORT: &[&str] =
    &["a", "an", "the", "short", "brief", "quick", "concise", "one-paragraph", "combined"];
const PRIOR: &[&str] = &[
    "both",
    "them",
    "it",
    "these",
    "those",
    "that",
    "this",
    "the results",
    "the findings",
    "your findings",
    "everything",
    "all",
    "all of it",
    "all of them",
    "both of them",
    "the two",
    "the answers",
    "what you find",
    "what you found",
    "what you learn",
    "what you learned",
    "the result",
    "the facts",
    "the information",
    "the differences",
    "the difference",
    "all three",
];
const VERBS: &[&str] = &[
    "wrote",
    "invented",
    "created",
    "founded",
    "discovered",
    "made",
    "designed",
    "directed",
    "painted",
    "composed",
    "built",
    "developed",
    "won",
    "owns",
    "runs",
    "leads",
    "governs",
    "rules",
];

pub(super) fn look_up(clause: &[Token<'_>]) -> Option<LookUp> {
    let ways = [now, summary, follow_up, about, question, bare];
    ways.iter().find_map(|way| way(clause))
}

/// `What time is it?`, `today's date`.
fn now(clause: &[Token<'_>]) -> Option<LookUp> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["tell me", "give me", "show me", "find out", "find"]);
    let asked = [
        "what time is it",
        "what day is it",
        "what date is it",
        "what is the current time",
        "what is the current date",
        "what is the time",
        "what is the date",
        "what's the time",
        "what's the date",
        "what day of the week is it",
        "what is today's date",
        "what's today's date",
        "what is today",
        "the current time",
        "the current date",
        "the time",
        "the date",
        "today's date",
        "what time it is",
        "what day it is",
        "what day is today",
        "the current date and time",
        "what weekday is it",
        "current time",
        "what is the current date and time",
        "what year is it",
        "what month is it",
    ];
    reader.eat_any(&asked)?;
    reader.eat_any(&["right now", "now", "today", "currently", "at the moment"]);
    if reader.done() {
        return Some(LookUp::Now { timezone: None });
    }
    reader.eat("in").then_some(())?;
    let zone = reader.phrase();
    let known = zone.eq_ignore_ascii_case("utc") || zone.contains('/');
    (known && !zone.contains(' ')).then_some(LookUp::Now { timezone: Some(zone) })
}

/// `Summarize what is known about A`, `give me a short summary of A and B in two sentences`.
fn summary(clause: &[Token<'_>]) -> Option<LookUp> {
    let (clause, max_sentences) = length_wish(clause);
    let mut reader = Reader::new(clause);
    if reader.eat_any(SUMMARIZE).is_none() {
        reader.eat_any(MAKE);
        reader.eat_all(SHORT);
        reader.eat_any(&["summary", "overview"])?;
        if !reader.done() {
            reader.eat_any(&["of", "on", "about", "for"])?;
        }
    }
    if reader.done() || PRIOR.iter().any(|words| reader.ends_with(words)) {
        return Some(LookUp::Summarize { topics: Vec::new(), max_sentences });
    }
    reader.eat_all(INFORMATION);
    let found = topics(reader.rest(), Separators::Lists)?;
    Some(LookUp::Summarize { topics: found, max_sentences })
}

/// `... in two sentences` at the end.
fn length_wish<'t, 'g>(clause: &'t [Token<'g>]) -> (&'t [Token<'g>], Option<u32>) {
    let whole = (trim_end(clause, &["briefly", "shortly", "in brief", "in short"]), None);
    let [body @ .., count, unit] = whole.0 else { return whole };
    let numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let word = numbers.iter().position(|number| count.is(number)).map(|at| at as u32 + 1);
    let digits = count.amount().and_then(|amount| amount.digits.parse().ok());
    let wished = word.or(digits).or(count.is("few").then_some(3)).filter(|n| (1..=50).contains(n));
    if !unit.is_any(&["sentence", "sentences"]) || wished.is_none() {
        return whole;
    }
    (trim_end(body, &["in", "in a", "using", "with", "at most", "in at most"]), wished)
}

fn follow_up(clause: &[Token<'_>]) -> Option<LookUp> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["what about", "how about"])?;
    Some(LookUp::FollowUp(topics(reader.rest(), Separators::Lists)?))
}

/// `Find A and B`, `What is A?`, `Tell me about A`.
fn about(clause: &[Token<'_>]) -> Option<LookUp> {
    let mut reader = Reader::new(clause);
    let found = reader.eat_any(FIND);
    let informed = found.is_some() && reader.eat_any(INFORMATION).is_some();
    let be = reader.eat_any(BE);
    if found.is_some() && !informed && be.is_none() {
        // `tell me` and `give me` want a thing of the speaker, unless a known one is named.
        let personal =
            matches!(found, Some("tell me" | "give me" | "get me" | "find me" | "show me"));
        let indefinite = reader.peek().is_some_and(|token| token.is_any(&["a", "an"]));
        let told = reader.peek().is_some_and(|token| token.is("the") || token.is_name());
        if indefinite || personal && !told {
            return nested(reader);
        }
        if let Some(nested) = nested(reader) {
            return Some(nested);
        }
    }
    (found.is_some() || be.is_some()).then_some(())?;
    let mut rest = reader.rest();
    if be.is_some() {
        rest = trim_end(rest, &["like", "all about", "known for", "famous for", "used for"]);
    }
    Some(LookUp::Find(topics(rest, Separators::Lists)?))
}

/// `find out what Rust is`, `tell me who wrote Hamlet`.
fn nested(reader: Reader<'_, '_>) -> Option<LookUp> {
    if let Some(found) = question(reader.rest()) {
        return Some(found);
    }
    let mut reader = reader;
    reader.eat_any(&["what", "who", "where"])?;
    let [body @ .., last] = reader.rest() else { return None };
    last.is_any(&["is", "are", "was", "were"]).then_some(())?;
    Some(LookUp::Find(topics(body, Separators::Lists)?))
}

/// `Who wrote A?`, `Where is A?`, `How big is A?`, `When was A founded?`, `How much does A cost?`
fn question(clause: &[Token<'_>]) -> Option<LookUp> {
    let mut reader = Reader::new(clause);
    let aspect = match reader.eat_any(&["who", "where", "when", "how", "what"])? {
        "who" => reader.next().filter(|verb| verb.is_any(VERBS))?.word.clone(),
        "where" | "when" => return where_or_when(reader),
        "how" => return how(reader),
        _ => return what_does(reader),
    };
    in_aspect(reader.rest(), &aspect)
}

fn where_or_when(mut reader: Reader<'_, '_>) -> Option<LookUp> {
    reader.eat_any(&["is", "are", "was", "were", "did", "do", "does"])?;
    let [body @ .., last] = reader.rest() else { return None };
    let known = [
        "born",
        "built",
        "founded",
        "released",
        "invented",
        "created",
        "made",
        "located",
        "published",
        "start",
        "end",
        "die",
        "begin",
        "discovered",
        "written",
        "established",
    ];
    if last.is_any(&known) && !body.is_empty() {
        return in_aspect(body, &last.word);
    }
    in_aspect(reader.rest(), "")
}

fn how(mut reader: Reader<'_, '_>) -> Option<LookUp> {
    if reader.eat("much") {
        reader.eat_any(&["does", "do", "did"])?;
        let [body @ .., last] = reader.rest() else { return None };
        let paid = last.is_any(&["cost", "earn", "make", "weigh"]);
        return if paid { in_aspect(body, &last.word) } else { split_earn(reader.rest()) };
    }
    if reader.eat_any(&["many people live in", "many people are in"]).is_some() {
        return in_aspect(reader.rest(), "population");
    }
    let measures = [
        "big",
        "large",
        "old",
        "tall",
        "high",
        "long",
        "expensive",
        "safe",
        "fast",
        "heavy",
        "deep",
        "far",
        "hot",
        "cold",
        "populous",
        "popular",
        "wide",
        "small",
        "cheap",
    ];
    let measure = reader.next().filter(|token| token.is_any(&measures))?;
    reader.eat_any(&["is", "are", "was"])?;
    in_aspect(reader.rest(), &measure.word)
}

/// `does a nurse earn in Austin`
fn split_earn(rest: &[Token<'_>]) -> Option<LookUp> {
    let (at, length) = find_any(rest, &["earn in", "make in", "cost in", "earn at"])?;
    let place = phrase(&rest[at + length - 1..]);
    in_aspect(&rest[..at], &format!("{} {place}", rest[at].word))
}

fn what_does(mut reader: Reader<'_, '_>) -> Option<LookUp> {
    reader.eat_any(&["does", "do"])?;
    let [body @ .., last] = reader.rest() else { return None };
    last.is_any(&["cost", "mean", "do", "earn", "eat"]).then_some(())?;
    in_aspect(body, if last.is("do") { "" } else { &last.word })
}

fn in_aspect(tokens: &[Token<'_>], aspect: &str) -> Option<LookUp> {
    let mut found = topics(tokens, Separators::Lists)?;
    for topic in &mut found {
        let words = [aspect, topic.aspect.as_str()];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        topic.aspect = words.join(" ");
    }
    Some(LookUp::Find(found))
}

/// `cost of living in Lisbon`, with no verb at all: only where it is plain what is asked.
fn bare(clause: &[Token<'_>]) -> Option<LookUp> {
    let mut reader = Reader::new(clause);
    reader.eat_all(ARTICLES);
    reader.eat_all(&["average", "median", "current", "information about", "facts about"]);
    let fixed = reader.eat_any(FIXED).is_some();
    let aspect = fixed || reader.next().is_some_and(|token| token.is_any(ASPECTS));
    let joined = reader.eat_any(&["in", "of", "for"]).is_some();
    let last = clause.last().is_some_and(|token| token.is_any(ASPECTS));
    let name = clause.first().is_some_and(|token| token.is_name() && token.kind != Kind::Colon);
    if !(aspect && joined || name && last && clause.len() <= 5) {
        return None;
    }
    Some(LookUp::Find(topics(clause, Separators::Lists)?))
}
