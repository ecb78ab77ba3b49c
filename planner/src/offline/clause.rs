//! Cuts a goal into clauses: the parts that each ask for one thing or state one thing.

use super::reader::{Reader, starts_with, trim_end};
use super::token::{Kind, Token};

/// Words that open a clause when a comma or one of [`CONNECTORS`] stands before them.
const STARTERS: &[&str] = &[
    "compare",
    "contrast",
    "calculate",
    "compute",
    "find",
    "look",
    "search",
    "summarize",
    "summarise",
    "sum",
    "recap",
    "convert",
    "tell",
    "show",
    "give",
    "what",
    "what's",
    "whats",
    "how",
    "who",
    "where",
    "when",
    "which",
    "work",
    "figure",
    "determine",
    "divide",
    "multiply",
    "subtract",
    "add",
    "increase",
    "decrease",
    "reduce",
    "explain",
    "describe",
    "define",
    "research",
    "evaluate",
    "please",
    "could",
    "can",
    "say",
    "get",
    "provide",
    "write",
];
const CONNECTORS: &[&str] = &[
    "and",
    "then",
    "but",
    "so",
    "also",
    "finally",
    "next",
    "afterwards",
    "first",
    "second",
    "lastly",
    "after that",
    "or",
];
/// Words that open a clause that only states something, wherever they stand.
const CONDITIONS: &[&str] = &[
    "assuming that",
    "assuming",
    "supposing",
    "suppose",
    "given that",
    "given",
    "provided that",
    "provided",
    "if",
    "considering that",
    "earning",
    "making",
    "who earns",
    "who earn",
    "who makes",
    "who make",
    "with a salary of",
    "with an income of",
    "with a budget of",
    "on a salary of",
];
/// Courtesies in front of what is wanted.
const OPENERS: &[&str] = &[
    "please",
    "hello",
    "hi",
    "hey",
    "hi there",
    "ok",
    "okay",
    "thanks",
    "thank you",
    "can you",
    "could you",
    "would you",
    "will you",
    "i want you to",
    "i want to know",
    "i want to",
    "i'd like you to",
    "i'd like to know",
    "i'd like to",
    "i would like you to",
    "i would like to know",
    "i would like to",
    "i need you to",
    "i need to know",
    "i need to",
    "i wonder",
    "i am wondering",
    "i'm wondering",
    "do you know",
    "let me know",
    "help me to",
    "help me",
    "go ahead and",
    "kindly",
    "and",
    "then",
    "but",
    "so",
    "also",
    "finally",
    "next",
    "afterwards",
    "after that",
    "first",
    "second",
    "lastly",
    "there",
    "now tell",
    "first of all",
];
const CLOSERS: &[&str] = &[
    "please",
    "for me",
    "thanks",
    "thank you",
    "thank you very much",
    "thanks a lot",
    "and",
    "then",
    "too",
    "as well",
    "but",
    "so",
    "also",
    "or",
];

/// The clauses of a goal without their courtesies, none of them empty.
pub(super) fn clauses<'t, 'g>(tokens: &'t [Token<'g>]) -> Vec<&'t [Token<'g>]> {
    let sentences = tokens.split(|token| token.kind == Kind::Stop);
    sentences.flat_map(split).map(plain).filter(|clause| !clause.is_empty()).collect()
}

fn split<'t, 'g>(sentence: &'t [Token<'g>]) -> Vec<&'t [Token<'g>]> {
    let mut clauses = Vec::new();
    let mut start = 0;
    for at in 1..sentence.len() {
        if at > start && opens_clause(sentence, at) {
            clauses.push(&sentence[start..at]);
            start = at;
        }
    }
    clauses.push(&sentence[start..]);
    clauses
}

fn opens_clause(sentence: &[Token<'_>], at: usize) -> bool {
    let before = &sentence[at - 1];
    let rest = &sentence[at..];
    if sentence[at].is("contrast") && at > 1 && sentence[at - 2].is("compare") {
        return false;
    }
    if sentence[at].is_any(STARTERS) {
        let joined = matches!(before.kind, Kind::Comma | Kind::Colon) || before.is_any(CONNECTORS);
        return joined || before.is("that") && at > 1 && sentence[at - 2].is("after");
    }
    let conditional = CONDITIONS.iter().any(|words| starts_with(rest, words).is_some());
    // `if you multiply 3 by 4` asks, it does not state.
    let asks = rest.get(1).is_some_and(|token| token.is("you"));
    conditional && !asks
}

fn plain<'t, 'g>(clause: &'t [Token<'g>]) -> &'t [Token<'g>] {
    let mut reader = Reader::new(clause);
    loop {
        let comma = reader.eat_kind(&Kind::Comma) || reader.eat_kind(&Kind::Colon);
        // The longest courtesy wins: `i want to know` before `i want to`.
        let longest = OPENERS
            .iter()
            .filter(|words| starts_with(reader.rest(), words).is_some())
            .max_by_key(|words| words.len());
        let eaten = longest.is_some_and(|words| reader.eat(words));
        if !comma && !eaten {
            break;
        }
    }
    let rest = trim_end(reader.rest(), CLOSERS);
    match rest.split_last() {
        Some((last, body)) if last.kind == Kind::Colon => trim_end(body, CLOSERS),
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::token::{phrase, tokens};

    fn parts(goal: &str) -> Vec<String> {
        clauses(&tokens(goal).unwrap()).into_iter().map(phrase).collect()
    }

    #[test]
    fn a_goal_falls_into_the_parts_that_ask_or_state() {
        for (goal, expected) in [
            ("Find X and Y, then summarize both.", vec!["Find X and Y", "summarize both"]),
            ("Hi! Could you please compare A and B? Thanks.", vec!["compare A and B"]),
            (
                "If I earn 10 and rent is 3, how much is left?",
                vec!["If I earn 10 and rent is 3", "how much is left"],
            ),
            (
                "Compare A and B for a nurse earning $5 assuming rent takes 3%.",
                vec!["Compare A and B for a nurse", "earning $5", "assuming rent takes 3%"],
            ),
            ("What do you get if you add 3 and 4?", vec!["What do you get if you add 3 and 4"]),
            ("Rust or Go: which is faster?", vec!["Rust or Go", "which is faster"]),
        ] {
            assert_eq!(parts(goal), expected, "{goal}");
        }
    }
}
