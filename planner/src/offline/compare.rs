//! Comparisons of named subjects, in the ways in which people ask for them.

use super::reader::{Reader, find_any, starts_with, trim_end};
use super::token::{Kind, Token, phrase};
use super::topic::{Separators, Topic, topics};
use super::vocabulary::COMPARATIVES;

/// What a clause wants compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    Of(Vec<Topic>),
    /// What the goal named before, perhaps in a certain respect.
    OfPrior {
        aspect: String,
    },
}

const COMPARE: &[&str] = &[
    "compare and contrast",
    "compare between",
    "compare",
    "contrast",
    "do a comparison of",
    "make a comparison of",
    "give me a comparison of",
    "give a comparison of",
    "a comparison between",
    "a comparison of",
    "comparison between",
    "comparison of",
    "comparing",
];
const PRIOR: &[&str] = &[
    "them",
    "both",
    "the two",
    "these",
    "those",
    "the results",
    "the two results",
    "both of them",
    "the three",
    "all of them",
    "all",
    "the findings",
];
const ASKING: &[&str] = &[
    "what is",
    "what are",
    "what's",
    "whats",
    "explain",
    "describe",
    "find",
    "show me",
    "show",
    "tell me",
    "give me",
    "summarize",
    "list",
    "is there a",
    "are there",
];
const DIFFERENCES: &[&str] = &[
    "difference",
    "differences",
    "similarities and differences",
    "differences and similarities",
    "similarities",
    "distinction",
];
const DEGREES: &[&str] =
    &["the", "main", "key", "biggest", "major", "most important", "essential", "some", "any"];
/// Between the two sides of `how does A compare to B`.
const MIDDLES: &[&str] = &[
    "compare to",
    "compare with",
    "compare against",
    "compared to",
    "compared with",
    "differ from",
    "different from",
    "different to",
    "different than",
    "stack up against",
    "measure up to",
    "stack up to",
    "measure up against",
];
const VERSUS: &[&str] = &["vs", "vs.", "versus", "v.", "v"];

pub(super) fn comparison(clause: &[Token<'_>]) -> Option<Comparison> {
    let ways = [named, between, difference, how_question, which_question, than_question, versus];
    ways.iter().find_map(|way| way(clause))
}

/// `Compare A, B and C in terms of price`.
fn named(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(COMPARE)?;
    if PRIOR.iter().any(|words| reader.ends_with(words)) {
        return Some(Comparison::OfPrior { aspect: String::new() });
    }
    if reader.eat("how")
        && let Some((at, length)) = find_any(reader.rest(), &["compares to", "compare to"])
    {
        let (left, right) = (&reader.rest()[..at], &reader.rest()[at + length..]);
        return sides(left, right);
    }
    reader.eat_kind(&Kind::Colon);
    at_least_two(topics(reader.rest(), Separators::Comparisons)?)
}

/// `Between A and B`, before `which is cheaper`.
fn between(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["between", "out of", "of"])?;
    at_least_two(topics(reader.rest(), Separators::Lists)?)
}

/// `What is the main difference in price between A and B?`
fn difference(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(ASKING);
    reader.eat_all(DEGREES);
    reader.eat_any(DIFFERENCES)?;
    let aspect = if reader.eat("in") {
        let (at, _) = find_any(reader.rest(), &["between"])?;
        let aspect = phrase(&reader.rest()[..at]);
        reader = Reader::new(&reader.rest()[at..]);
        aspect
    } else {
        String::new()
    };
    if !reader.eat("between") && !reader.eat("of") {
        return None;
    }
    let found = topics(reader.rest(), Separators::Lists)?;
    at_least_two(in_respect(found, &aspect))
}

/// `How does A compare to B?`, `How do A and B differ in price?`
fn how_question(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["in what way", "in what ways", "how"])?;
    reader.eat_any(&["does", "do", "is", "are", "did", "would"])?;
    let rest = reader.rest();
    if let Some((at, length)) = find_any(rest, MIDDLES) {
        return sides(&rest[..at], &rest[at + length..]);
    }
    let (at, length) = find_any(rest, &["compare", "differ", "stack up", "different", "compared"])?;
    let found = topics(&rest[..at], Separators::Lists)?;
    let mut tail = Reader::new(&rest[at + length..]);
    if tail.done() {
        return at_least_two(found);
    }
    tail.eat_any(&[
        "in terms of",
        "with respect to",
        "when it comes to",
        "regarding",
        "in",
        "on",
        "for",
    ])?;
    tail.eat("their");
    let aspect = tail.phrase();
    at_least_two(in_respect(found, &aspect))
}

/// `Which is cheaper, A or B?`, `Which of A, B and C has the highest population?`
fn which_question(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    let said = reader.eat_any(&["say", "tell me", "show me", "find out", "determine"]);
    let asked = reader.eat_any(&["what's", "which", "what", "who", "where"])?;
    if asked == "which" && reader.eat("of") {
        let verbs = ["is", "are", "has", "have", "costs", "cost"];
        let (at, _) = find_any(reader.rest(), &verbs)?;
        let (list, verdict) = reader.rest().split_at(at);
        if let Some(found) = topics(list, Separators::Lists).filter(|found| found.len() > 1) {
            return at_least_two(in_respect(found, &verdict_aspect(verdict)?));
        }
    }
    // A noun may stand between: `which city is cheaper`.
    let unnamed = asked == "what's";
    let noun = usize::from(
        !unnamed && reader.peek().is_some_and(|t| !t.is_any(&["is", "are", "has", "have"])),
    );
    let verdict = &reader.rest()[noun.min(reader.rest().len())..];
    if asked != "which" && noun > 0 {
        return None;
    }
    let cut = verdict.iter().position(|t| matches!(t.kind, Kind::Comma | Kind::Colon));
    let (verdict, list) = match cut {
        Some(at) => (&verdict[..at], &verdict[at + 1..]),
        None => split_after_comparative(verdict)?,
    };
    let aspect = verdict_aspect(verdict)?;
    if list.is_empty() {
        let prior = asked == "which" || said.is_some();
        return prior.then_some(Comparison::OfPrior { aspect });
    }
    at_least_two(in_respect(topics(list, Separators::Lists)?, &aspect))
}

/// Without a comma, the list starts right after the word of comparison.
fn split_after_comparative<'t, 'g>(
    verdict: &'t [Token<'g>],
) -> Option<(&'t [Token<'g>], &'t [Token<'g>])> {
    let words = |at: usize| comparative(&verdict[at..]).map(|(length, _)| at + length);
    let end = (0..verdict.len()).find_map(words)?;
    let between = verdict[end..].iter().any(|t| t.is_any(&["or", "vs", "versus", "vs."]));
    Some(if between { verdict.split_at(end) } else { verdict.split_at(verdict.len()) })
}

/// What `is cheaper for beginners` or `has the highest population` asks about.
fn verdict_aspect(verdict: &[Token<'_>]) -> Option<String> {
    let mut reader = Reader::new(verdict);
    reader.eat_any(&["is", "are", "has", "have"]);
    reader.eat_all(&["the", "a", "an", "much"]);
    let (length, about) = comparative(reader.rest())?;
    let rest = Reader::new(&reader.rest()[length..]).rest();
    let rest = trim_end(rest, &["one", "of the two", "of them", "there"]);
    let mut rest = Reader::new(rest);
    rest.eat_any(&["in terms of", "for", "in", "at", "by"]);
    let words = [about.to_owned(), rest.phrase()];
    Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The word of comparison at the start of a row: its length, and what it asks about.
fn comparative(tokens: &[Token<'_>]) -> Option<(usize, &'static str)> {
    COMPARATIVES.iter().find_map(|(words, about)| Some((starts_with(tokens, words)?, *about)))
}

/// `Is A cheaper than B?`, `Is rent higher in A or B?`
fn than_question(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["is", "are", "does", "do"])?;
    reader.eat_any(&["it", "there"]);
    let rest = reader.rest();
    let at = (0..rest.len()).find(|at| comparative(&rest[*at..]).is_some())?;
    let (length, about) = comparative(&rest[at..])?;
    let (left, right) = (&rest[..at], &rest[at + length..]);
    if let Some((than, length)) = find_any(right, &["than"]) {
        // `has a higher population than`: what stands before `than` is asked about.
        let own = phrase(&right[..than]);
        let aspect = if own.is_empty() { about } else { &own };
        return match sides(left, &right[than + length..])? {
            Comparison::Of(found) => at_least_two(in_respect(found, aspect)),
            prior @ Comparison::OfPrior { .. } => Some(prior),
        };
    }
    let mut right = Reader::new(right);
    right.eat("expensive");
    let listed = right.eat_any(&["in", "at"]).is_some();
    let found = topics(right.rest(), Separators::Lists).filter(|found| listed && found.len() > 1);
    match found {
        Some(found) => at_least_two(in_respect(found, &phrase(Reader::new(left).rest()))),
        None if right.done() => at_least_two(in_respect(topics(left, Separators::Lists)?, about)),
        None => None,
    }
}

/// `A vs B: speed`, `A or B`.
fn versus(clause: &[Token<'_>]) -> Option<Comparison> {
    let mut reader = Reader::new(clause);
    reader.eat_any(&["what about", "how about", "what is", "what's", "find", "look up"]);
    let rest = reader.rest();
    let marked = find_any(rest, VERSUS).is_some();
    let chosen = find_any(rest, &["or"]).is_some()
        && rest.iter().all(|token| token.is("or") || token.kind == Kind::Comma || token.is_name());
    if !marked && !chosen {
        return None;
    }
    at_least_two(topics(rest, Separators::Lists)?)
}

/// Two sides of which the left one may say in what respect.
fn sides(left: &[Token<'_>], right: &[Token<'_>]) -> Option<Comparison> {
    let mut found = topics(left, Separators::Lists)?;
    let mut others = topics(right, Separators::Lists)?;
    let aspect = found.first().map(|topic| topic.aspect.clone()).unwrap_or_default();
    let other = others.first().map(|topic| topic.aspect.clone()).unwrap_or_default();
    others.iter_mut().filter(|t| t.aspect.is_empty()).for_each(|t| t.aspect.clone_from(&aspect));
    found.iter_mut().filter(|t| t.aspect.is_empty()).for_each(|t| t.aspect.clone_from(&other));
    found.extend(others);
    at_least_two(found)
}

fn in_respect(mut found: Vec<Topic>, aspect: &str) -> Vec<Topic> {
    let aspect = aspect.trim_start_matches("the ");
    for topic in found.iter_mut().filter(|topic| topic.aspect.is_empty()) {
        aspect.clone_into(&mut topic.aspect);
    }
    found
}

fn at_least_two(mut found: Vec<Topic>) -> Option<Comparison> {
    let mut seen = Vec::new();
    found.retain(|topic| {
        let key = topic.query().to_lowercase();
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    (found.len() > 1).then_some(Comparison::Of(found))
}
