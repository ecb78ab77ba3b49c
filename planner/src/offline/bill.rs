//! Prices with a tip, a tax or a discount: `a bill of 80 euros with 15% tip`, `a 15% tip on $80`.

use super::amount::Amount;
use super::reader::{Reader, trim_end};
use super::token::{Kind, Token};

/// A price and what percentages of it are added or taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bill {
    pub(super) base: Amount,
    pub(super) extras: Vec<Extra>,
    /// Whether the total is asked for, and not only the extras.
    pub(super) total: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) label: &'static str,
    pub(super) percent: Amount,
    pub(super) adds: bool,
}

const OPENERS: &[&str] = &[
    "what is",
    "what's",
    "how much is",
    "calculate",
    "compute",
    "work out",
    "find",
    "what would be",
    "how much do i pay for",
    "how much would be",
    "i have",
    "i got",
    "the final price of",
    "the total price of",
    "the total cost of",
    "the total of",
    "the total for",
    "the total on",
    "the total",
    "total of",
    "total for",
    "the price of",
    "the cost of",
    "the",
    "a",
    "an",
    "my",
];
const PAPERS: &[&str] = &[
    "restaurant bill",
    "bill",
    "check",
    "meal",
    "dinner",
    "lunch",
    "price",
    "invoice",
    "purchase",
    "order",
    "shirt",
    "item",
    "product",
    "cost",
    "total",
];
const ADDED: &[&str] = &[
    "sales tax",
    "service charge",
    "tip",
    "tax",
    "vat",
    "gratuity",
    "surcharge",
    "fee",
    "commission",
];
const TAKEN: &[&str] = &["discount", "rebate", "off"];

pub(super) fn bill(clause: &[Token<'_>]) -> Option<Bill> {
    let clause = trim_end(clause, &["in total", "total", "altogether"]);
    let mut reader = Reader::new(clause);
    reader.eat_all(OPENERS);
    price_first(reader).or_else(|| percent_first(reader))
}

/// `bill of 80 euros with a 15% tip and 5% tax`.
fn price_first(mut reader: Reader<'_, '_>) -> Option<Bill> {
    let base = price(&mut reader)?;
    reader.eat_any(&["is", "are"]);
    let mut extras = Vec::new();
    while !reader.done() {
        let sign = reader.eat_kind(&Kind::Sign('+')) || reader.eat_kind(&Kind::Comma);
        let joined =
            reader.eat_any(&["with", "plus", "and", "including", "after", "at", "minus", "less"]);
        if extras.is_empty() && !sign && joined.is_none() && reader.peek()?.amount().is_none() {
            return None;
        }
        extras.push(extra(&mut reader)?);
    }
    (!extras.is_empty()).then_some(Bill { base, extras, total: true })
}

/// `15% tip on a bill of $80`.
fn percent_first(mut reader: Reader<'_, '_>) -> Option<Bill> {
    let only = extra(&mut reader)?;
    reader.eat_any(&["on", "for", "of", "from"])?;
    let base = price(&mut reader)?;
    // What a discount leaves is asked for, not the discount.
    let total = !only.adds;
    reader.done().then(|| Bill { base, extras: vec![only], total })
}

fn extra(reader: &mut Reader<'_, '_>) -> Option<Extra> {
    reader.eat_any(&["a", "an", "the"]);
    let percent = reader.next()?.amount().filter(|amount| amount.is_percent())?.clone();
    let known = |word: &str, list: &'static [&'static str]| list.iter().find(|w| **w == word);
    let word = reader.eat_any(ADDED).or_else(|| reader.eat_any(TAKEN))?;
    let (label, adds) = match known(word, ADDED) {
        Some(label) => (*label, true),
        None => ("discount", false),
    };
    Some(Extra { label, percent, adds })
}

fn price(reader: &mut Reader<'_, '_>) -> Option<Amount> {
    reader.eat_any(&["a", "an", "the", "my"]);
    if reader.eat_any(PAPERS).is_some() {
        reader.eat_any(&["of", "is", "for"]);
    }
    let amount = reader.next()?.amount().filter(|amount| !amount.is_percent())?.clone();
    reader.eat_any(PAPERS);
    Some(amount)
}
