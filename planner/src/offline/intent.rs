//! What each clause of a goal wants. A clause that wants nothing known ends the planning.

use super::arithmetic::{calculations, core};
use super::ask::{Ask, ask, stem};
use super::bill::{Bill, bill};
use super::compare::{Comparison, comparison};
use super::convert::conversions;
use super::expression::Expression;
use super::fact::{Fact, facts};
use super::lookup::{LookUp, look_up};
use super::token::{Token, phrase};
use super::topic::Topic;
use super::unplannable::Unplannable;

/// What one clause wants, with the clause's own words for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) words: String,
    pub(super) wish: Wish,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Compare(Vec<Topic>),
    /// What was named before is to be compared; it is looked up already.
    ComparePrior,
    LookUp(LookUp),
    /// Calculations, with the words that ask for them.
    Calculate {
        asked: String,
        expressions: Vec<Expression>,
    },
    Convert(Vec<Expression>),
    /// A price with what percentages add to it or take off it.
    Bill(Bill),
    State(Vec<Fact>),
    Ask(Ask),
}

/// What the clauses of a goal want, in their order.
pub(super) fn intents(clauses: &[&[Token<'_>]]) -> Result<Vec<Intent>, Unplannable> {
    // Statements first: what a question may ask depends on what the goal states and names.
    let first: Vec<_> = clauses.iter().map(|clause| plain_wish(clause)).collect();
    let names = names(first.iter().flatten());
    let states = first.iter().flatten().any(|wish| matches!(wish, Wish::State(_)));
    let mut found: Vec<Intent> = Vec::new();
    for (clause, wish) in clauses.iter().zip(first) {
        let asked = ask(clause, &names);
        let asked = asked.filter(|ask| states || !ask.facts.is_empty()).map(Wish::Ask);
        // `What is the rent?` asks for a stated thing, not for documents about it.
        let wish = match wish {
            Some(Wish::LookUp(LookUp::Find(_))) | None => asked.or(wish),
            wish => wish,
        };
        let wish = wish.or_else(|| comparing_prior(clause, &mut found));
        let wish = wish.ok_or_else(|| Unplannable::not_understood(&phrase(clause)))?;
        found.push(Intent { words: phrase(clause), wish });
    }
    Ok(found)
}

/// What a clause wants by itself.
fn plain_wish(clause: &[Token<'_>]) -> Option<Wish> {
    if let Some(expressions) = conversions(clause) {
        return Some(Wish::Convert(expressions));
    }
    if let Some(expressions) = calculations(clause) {
        return Some(Wish::Calculate { asked: phrase(core(clause)), expressions });
    }
    if let Some(bill) = bill(clause) {
        return Some(Wish::Bill(bill));
    }
    if let Some(Comparison::Of(topics)) = comparison(clause) {
        return Some(Wish::Compare(topics));
    }
    facts(clause).map(Wish::State).or_else(|| look_up(clause).map(Wish::LookUp))
}

/// `Rust or Go? Which is faster?`: gives what was named before its respect.
fn comparing_prior(clause: &[Token<'_>], before: &mut [Intent]) -> Option<Wish> {
    let Some(Comparison::OfPrior { aspect }) = comparison(clause) else { return None };
    let named = before.iter_mut().filter_map(|intent| match &mut intent.wish {
        Wish::Compare(topics) | Wish::LookUp(LookUp::Find(topics)) => Some(topics),
        _ => None,
    });
    let named: Vec<_> = named.flatten().collect();
    if named.len() < 2 {
        return None;
    }
    for topic in named.into_iter().filter(|topic| topic.aspect.is_empty()) {
        topic.aspect.clone_from(&aspect);
    }
    Some(Wish::ComparePrior)
}

/// The words, without plurals, of everything that a goal compares, looks up or states.
fn names<'w>(wishes: impl Iterator<Item = &'w Wish>) -> Vec<String> {
    let mut texts = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Compare(topics) | Wish::LookUp(LookUp::Find(topics)) => {
                texts.extend(topics.iter().map(|topic| topic.subject.clone()));
            }
            Wish::State(facts) => texts.extend(facts.iter().filter_map(|fact| match fact {
                Fact::Share { label, .. } => Some(label.clone()),
                Fact::Income(_) => None,
            })),
            _ => {}
        }
    }
    texts.iter().flat_map(|text| text.split_whitespace().map(stem)).collect()
}
