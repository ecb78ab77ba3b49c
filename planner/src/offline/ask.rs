//! What a goal asks about its own statements of money: what is left, what one part comes to.

use super::fact::{Fact, Period, facts, without_period};
use super::reader::{Reader, find_any, trim_end};
use super::token::{Kind, Token};

/// A question about money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) wanted: Wanted,
    pub(super) period: Option<Period>,
    /// Whether the same is asked for each of the things compared.
    pub(super) each: bool,
    /// What the question itself states.
    pub(super) facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What remains, by the name of disposable income if that is how it is asked for.
    Left { disposable: bool },
    /// One part, by the words that should name it.
    Part(Vec<String>),
    /// The amount asked about last, in another period.
    That,
}

const LEFT: &[&str] = &[
    "left over",
    "leftover",
    "left",
    "remains",
    "remain",
    "remaining",
    "remainder",
    "disposable",
    "save",
    "keep",
    "take home",
    "take-home",
];
const FILLERS: &[&str] = &[
    "how much",
    "what",
    "what's",
    "whats",
    "is",
    "are",
    "would",
    "will",
    "do",
    "does",
    "can",
    "could",
    "i",
    "they",
    "we",
    "you",
    "he",
    "she",
    "have",
    "has",
    "be",
    "the",
    "my",
    "their",
    "our",
    "his",
    "her",
    "your",
    "money",
    "income",
    "cash",
    "salary",
    "amount",
    "of",
    "it",
    "that",
    "there",
    "to",
    "spend",
    "me",
    "them",
    "us",
    "for",
    "in",
    "calculate",
    "compute",
    "work out",
    "find out",
    "find",
    "tell me",
    "show me",
    "determine",
    "figure out",
    "give me",
    "someone",
    "person",
    "by",
    "then",
    "each",
    "every",
    "both",
    "city",
    "cities",
    "place",
    "places",
    "country",
    "case",
    "after",
    "paying",
    "expenses",
    "these",
    "those",
    "all",
    "get",
    "over",
    "i'm",
    "with",
    "afterwards",
    "everything",
    "this",
    "and",
    "or",
    "at",
    "end",
    "pay",
    "a",
    "still",
    "budget",
    "so",
    "per",
    "rest",
    "per person",
    "now",
    "from",
    "out",
    "costs",
    "cost",
    "value",
    "total",
    "figure",
];

/// The question of a clause, if every word of it is understood. `names` are the words of what the
/// goal compares or states elsewhere.
pub(super) fn ask(clause: &[Token<'_>], names: &[String]) -> Option<Ask> {
    let (question, stated) = with_facts(clause);
    let (question, period) = without_period(&question);
    let each = find_any(&question, &["each", "every", "both"]).is_some();
    let wanted =
        that(&question).or_else(|| left(&question, names)).or_else(|| part(&question, names))?;
    Some(Ask { wanted, period, each, facts: stated })
}

/// `what is left of 3,500 after 20% tax and 500 rent`: the question, and what it states.
fn with_facts<'g>(clause: &[Token<'g>]) -> (Vec<Token<'g>>, Vec<Fact>) {
    let mut question = clause.to_vec();
    let mut stated = Vec::new();
    let joints = ["after", "assuming", "if", "with", "given", "minus", "when", "on", "once"];
    if let Some((at, _)) = find_any(&question, &joints)
        && let Some(found) = facts(&question[at..])
    {
        stated.extend(found);
        question.truncate(at);
    }
    let amount = question.iter().position(|token| token.amount().is_some());
    if let Some(at) = amount.filter(|at| *at > 0)
        && question[at - 1].is_any(&["of", "from"])
        && let Some(amount) = question[at].amount().filter(|amount| !amount.is_percent())
    {
        let (rest, period) = without_period(&question[at + 1..]);
        let flow = super::fact::Flow { amount: amount.clone(), period };
        stated.insert(0, Fact::Income(flow));
        question.truncate(at - 1);
        question.extend(rest);
    }
    (question, stated)
}

/// `How much is that a month?`
fn that(question: &[Token<'_>]) -> Option<Wanted> {
    let mut reader = Reader::new(question);
    reader.eat_any(&["calculate", "tell me", "show me"]);
    reader.eat_any(&[
        "how much is",
        "how much does",
        "what is",
        "what's",
        "how much would",
        "what does",
    ])?;
    reader.eat_any(&["that", "it", "this", "my salary", "my income", "my pay", "the salary"])?;
    reader.eat_any(&["be", "come to", "make"]);
    reader.done().then_some(Wanted::That)
}

fn left(question: &[Token<'_>], names: &[String]) -> Option<Wanted> {
    let core = find_any(question, LEFT)?;
    let others = question[..core.0].iter().chain(&question[core.0 + core.1..]);
    let others: Vec<_> = others.cloned().collect();
    let disposable = question[core.0].is("disposable");
    unknown(&others, names).is_empty().then_some(Wanted::Left { disposable })
}

/// `How much is the rent?`, `how much do I spend on food?`
fn part(question: &[Token<'_>], names: &[String]) -> Option<Wanted> {
    let mut reader = Reader::new(question);
    let asked = reader.eat_any(&[
        "how much",
        "what is",
        "what's",
        "what are",
        "calculate",
        "compute",
        "work out",
        "find",
        "what",
    ])?;
    let body = trim_end(reader.rest(), &["cost", "take", "come to", "amount to", "be"]);
    if !unknown(body, names).is_empty() || asked == "what" && body.is_empty() {
        return None;
    }
    let words = body.iter().filter(|token| names.contains(&stem(&token.word)));
    let words: Vec<_> = words.map(|token| stem(&token.word)).collect();
    (!words.is_empty()).then_some(Wanted::Part(words))
}

/// The words of a question that neither lead to it nor name anything known.
fn unknown(row: &[Token<'_>], names: &[String]) -> Vec<String> {
    let mut reader = Reader::new(row);
    let mut unknown = Vec::new();
    while let Some(token) = reader.peek() {
        if reader.eat_any(FILLERS).is_some() || token.kind == Kind::Comma {
            if token.kind == Kind::Comma {
                reader.next();
            }
            continue;
        }
        if !names.contains(&stem(&token.word)) {
            unknown.push(token.text.to_owned());
        }
        reader.next();
    }
    unknown
}

/// Enough of a word to meet its plural.
pub(super) fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    let plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    if plural { word[..word.len() - 1].to_owned() } else { word }
}
