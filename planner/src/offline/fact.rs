//! What a goal states about money: an amount that comes in, and what is taken out of it.
//!
//! `I earn $96,000 a year. Rent takes 25% and transport takes 12%.` is three facts.

mod words;

use super::amount::Amount;
use super::reader::{Reader, find_any, starts_with, trim_end};
use super::token::{Kind, Token, phrase};
use super::vocabulary::{NEVER_IN_TOPICS, REQUESTS};
use words::{EARN, GOES, INCOMES, OF_INCOME, PERIODS, PERSONS, SPEND, TAKE};

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// What there is to spend.
    Income(Flow),
    /// What takes a part of it.
    Share { label: String, flow: Flow },
}

/// An amount, or a share of the income, each period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) amount: Amount,
    pub(super) period: Option<Period>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Year,
    Month,
    Week,
    Day,
}

impl Period {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
        }
    }

    /// How many of them make a year.
    pub(super) const fn in_a_year(self) -> &'static str {
        match self {
            Self::Year => "1",
            Self::Month => "12",
            Self::Week => "52",
            Self::Day => "365",
        }
    }
}

/// The facts that a clause states, if it states nothing else.
pub(super) fn facts(clause: &[Token<'_>]) -> Option<Vec<Fact>> {
    let pieces = pieces(clause);
    // From the end: what the pieces from here on state, if they state anything whole. A label may
    // hold an `and` (`food and drink take 20%`), so a statement may take a few pieces.
    let mut stated: Vec<Option<Vec<Fact>>> = vec![None; pieces.len() + 1];
    stated[pieces.len()] = Some(Vec::new());
    for at in (0..pieces.len()).rev() {
        stated[at] = (1..=3.min(pieces.len() - at)).find_map(|width| {
            let rest = stated[at + width].clone()?;
            let fact = fact(&clause[pieces[at].0..pieces[at + width - 1].1])?;
            Some(fact.into_iter().chain(rest).collect())
        });
    }
    stated.swap_remove(0).filter(|facts| !facts.is_empty())
}

/// Where a clause may fall into statements.
fn pieces(clause: &[Token<'_>]) -> Vec<(usize, usize)> {
    let joints =
        ["and", "but", "while", "with", "after", "minus", "plus", "less", "assuming", "if"];
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, token) in clause.iter().enumerate() {
        if token.kind == Kind::Comma || token.is_any(&joints) || token.kind == Kind::Sign('-') {
            pieces.push((start, at));
            start = at + 1;
        }
    }
    pieces.push((start, clause.len()));
    pieces.retain(|(start, end)| start < end);
    pieces
}

/// The statement of a piece; two where the piece also says of what its share is taken.
fn fact(piece: &[Token<'_>]) -> Option<Vec<Fact>> {
    let (piece, period) = without_period(piece);
    let piece: &[Token<'_>] = &piece;
    let amounts: Vec<_> =
        piece.iter().enumerate().filter_map(|(at, token)| Some((at, token.amount()?))).collect();
    match amounts.as_slice() {
        [(at, amount)] => {
            let flow = Flow { amount: (*amount).clone(), period };
            let (left, right) = (lead(&piece[..*at]), after_share(&piece[at + 1..]));
            if !amount.is_percent() && is_income(left, right) {
                return Some(vec![Fact::Income(flow)]);
            }
            let label = label_before(left, right).or_else(|| label_after(left, right))?;
            Some(vec![Fact::Share { label, flow }])
        }
        [(at, share), (of, whole)] if share.is_percent() && !whole.is_percent() => {
            let between = &piece[at + 1..*of];
            let label = share_of_whole(&piece[..*at], between, &piece[of + 1..])?;
            let income = Flow { amount: (*whole).clone(), period };
            let share = Flow { amount: (*share).clone(), period: None };
            Some(vec![Fact::Income(income), Fact::Share { label, flow: share }])
        }
        _ => None,
    }
}

/// The label of `rent is 25% of my salary of $4,800` and `25% tax on a $50,000 salary`.
fn share_of_whole(
    left: &[Token<'_>],
    between: &[Token<'_>],
    right: &[Token<'_>],
) -> Option<String> {
    let joint = between.iter().position(|token| token.is_any(&["of", "on", "from"]))?;
    let mut whole = Reader::new(&between[joint + 1..]);
    whole.eat_all(PERSONS);
    whole.eat_any(INCOMES);
    whole.eat_any(&["of", "is"]);
    let mut right = Reader::new(right);
    right.eat_any(INCOMES);
    if !whole.done() || !right.done() {
        return None;
    }
    let (left, own) = (lead(left), &between[..joint]);
    label_before(left, own).or_else(|| label_after(left, own))
}

/// Takes `per month` and its like out of a row.
pub(super) fn without_period<'g>(row: &[Token<'g>]) -> (Vec<Token<'g>>, Option<Period>) {
    for (period, words) in PERIODS {
        if let Some((at, length)) = find_any(row, words) {
            let rest = row[..at].iter().chain(&row[at + length..]);
            return (rest.cloned().collect(), Some(*period));
        }
    }
    // `$5,000/month`
    let short = [
        ("month", Period::Month),
        ("mo", Period::Month),
        ("year", Period::Year),
        ("yr", Period::Year),
        ("week", Period::Week),
        ("day", Period::Day),
    ];
    let slash = row.windows(2).enumerate().find_map(|(at, pair)| {
        let slashed = pair[0].kind == Kind::Sign('/');
        short.iter().find(|(word, _)| slashed && pair[1].is(word)).map(|(_, period)| (at, *period))
    });
    match slash {
        Some((at, period)) => {
            (row[..at].iter().chain(&row[at + 2..]).cloned().collect(), Some(period))
        }
        None => (row.to_vec(), None),
    }
}

/// A row without the words in front that only lead to what is stated.
fn lead<'t, 'g>(row: &'t [Token<'g>]) -> &'t [Token<'g>] {
    let mut reader = Reader::new(row);
    reader.eat_all(PERSONS);
    trim_end(
        reader.rest(),
        &["about", "around", "roughly", "approximately", "only", "a", "an", "another", "some"],
    )
}

/// What follows an amount, without `of my salary`.
fn after_share<'t, 'g>(row: &'t [Token<'g>]) -> &'t [Token<'g>] {
    let mut reader = Reader::new(row);
    if let Some(words) = reader.eat_any(OF_INCOME) {
        let pronoun = matches!(words, "of it" | "of that" | "of this");
        if reader.eat_any(INCOMES).is_some() || pronoun {
            return reader.rest();
        }
    }
    row
}

fn is_income(left: &[Token<'_>], right: &[Token<'_>]) -> bool {
    let mut right = Reader::new(right);
    let named_after = right.eat_any(INCOMES).is_some();
    right.eat_any(&[
        "before tax",
        "before taxes",
        "gross",
        "net",
        "in total",
        "to spend",
        "to live on",
    ]);
    if !right.done() {
        return false;
    }
    let mut left = Reader::new(left);
    let earned = left.eat_any(EARN).is_some();
    left.eat_all(PERSONS);
    let named = left.eat_any(INCOMES).is_some();
    left.eat_any(&["is", "of", "was", "are", "at"]);
    left.eat_kind(&Kind::Colon);
    left.done() && (earned || named || named_after)
}

/// `rent takes 25%`, `rent: 900`.
fn label_before(left: &[Token<'_>], right: &[Token<'_>]) -> Option<String> {
    let spends = SPEND.iter().any(|words| starts_with(left, words).is_some());
    if !right.is_empty() || spends {
        return None;
    }
    let end = match left {
        [body @ .., last] if last.kind == Kind::Colon => body,
        _ => TAKE
            .iter()
            .find_map(|words| {
                let start = left.len().checked_sub(words.split(' ').count())?;
                starts_with(&left[start..], words).map(|_| &left[..start])
            })
            .unwrap_or(left),
    };
    label(end)
}

/// `25% goes to rent`, `I spend 25% on rent`, `20% tax`.
fn label_after(left: &[Token<'_>], right: &[Token<'_>]) -> Option<String> {
    let mut left = Reader::new(left);
    let verb = left.eat_any(SPEND);
    left.eat_all(PERSONS);
    if !left.done() {
        return None;
    }
    let mut right = Reader::new(right);
    if right.done() {
        return verb.filter(|verb| verb.starts_with("save")).map(|_| "savings".to_owned());
    }
    right.eat_any(GOES);
    right.eat_any(&["the", "my", "our", "their", "a", "your", "his", "her"]);
    label(right.rest())
}

const MAX_LABEL_WORDS: usize = 4;

fn label(row: &[Token<'_>]) -> Option<String> {
    let fit = (1..=MAX_LABEL_WORDS).contains(&row.len())
        && row.iter().all(|token| {
            let word = matches!(token.kind, Kind::Word | Kind::Quoted);
            word && !token.is_any(NEVER_IN_TOPICS)
                && !token.is_any(REQUESTS)
                && !token.is_any(&["remaining", "disposable", "much", "many"])
        });
    fit.then(|| phrase(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::token::tokens;

    fn shown(text: &str) -> Option<Vec<String>> {
        let found = facts(&tokens(text).unwrap())?;
        let flow = |flow: &Flow| {
            let period = flow.period.map_or("", Period::word);
            format!("{} {period}", flow.amount.shown()).trim_end().to_owned()
        };
        Some(
            found
                .iter()
                .map(|fact| match fact {
                    Fact::Income(income) => format!("+{}", flow(income)),
                    Fact::Share { label, flow: share } => format!("{label} {}", flow(share)),
                })
                .collect(),
        )
    }

    #[test]
    fn statements_about_money_are_read_in_many_wordings() {
        for (text, expected) in [
            ("I earn $96,000 a year", vec!["+$96,000 year"]),
            ("earning $150,000 per year", vec!["+$150,000 year"]),
            ("my monthly income is €3,500", vec!["+€3,500 month"]),
            ("with a salary of 80k", vec!["+80,000"]),
            ("on a $60k salary", vec!["+$60,000"]),
            ("Rent takes 25% and transport takes 12%", vec!["Rent 25%", "transport 12%"]),
            ("assuming housing costs take 30% of salary", vec!["housing costs 30%"]),
            ("25% of my income goes to rent", vec!["rent 25%"]),
            ("I spend 900 a month on rent and 12% on food", vec!["rent 900 month", "food 12%"]),
            ("after 20% tax and 500 rent", vec!["tax 20%", "rent 500"]),
            ("food and drink take 20%", vec!["food and drink 20%"]),
            ("If I make $5,000/month and rent is $1,500", vec!["+$5,000 month", "rent $1,500"]),
            ("If rent is 25% of $4,800", vec!["+$4,800", "rent 25%"]),
            ("Rent is 30% of my salary of $4,000", vec!["+$4,000", "Rent 30%"]),
            ("After paying 25% tax on a $50,000 salary", vec!["+$50,000", "tax 25%"]),
            ("I pay 20% tax and save 10%", vec!["tax 20%", "savings 10%"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(shown(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_clauses_state_nothing() {
        for text in ["Compare A and B", "write 3 poems", "I like 3 cats a lot", "What is 5 + 6"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
