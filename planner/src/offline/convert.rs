//! Conversions between units: `Convert 26.2 miles to kilometers`, `How many grams are 3 pounds?`

use super::expression::Expression;
use super::reader::Reader;
use super::token::{Kind, Token};
use super::units::{MAX_UNIT_WORDS, UnitName, unit};

const OPENERS: &[&str] = &[
    "convert",
    "change",
    "turn",
    "express",
    "what is",
    "what's",
    "whats",
    "what are",
    "how much is",
    "how much are",
    "how long is",
    "how far is",
    "how hot is",
    "how cold is",
    "how tall is",
    "how heavy is",
    "how big is",
    "how fast is",
    "calculate",
    "compute",
    "tell me",
    "give me",
];
const ASKING: &[&str] =
    &["how many", "what number of", "calculate how many", "tell me how many", "find out how many"];
const BETWEEN: &[&str] = &[
    "are there in",
    "is there in",
    "are in",
    "is in",
    "are equal to",
    "make up",
    "makes up",
    "are",
    "is",
    "in",
    "make",
    "does",
    "do",
    "equal",
];

/// The conversions that a clause asks for.
pub(super) fn conversions(clause: &[Token<'_>]) -> Option<Vec<Expression>> {
    if let Some(text) = counted(clause).or_else(|| stated(clause)) {
        return Some(vec![Expression::Conversion(text)]);
    }
    // `5 feet and 11 inches` is one quantity, so the whole comes first.
    let members: Vec<_> = clause.split(|token| token.is("and")).collect();
    let texts = members.iter().map(|member| counted(member).or_else(|| stated(member)));
    let texts = texts.collect::<Option<Vec<_>>>()?;
    Some(texts.into_iter().map(Expression::Conversion).collect())
}

/// `How many grams are there in 3 pounds?`
fn counted(clause: &[Token<'_>]) -> Option<String> {
    let mut reader = Reader::new(clause);
    reader.eat_any(ASKING)?;
    let wanted = eat_unit(&mut reader)?;
    reader.eat_any(BETWEEN)?;
    let quantity = quantity(&mut reader)?;
    reader.eat_any(&["make", "have", "contain", "equal"]);
    reader.done().then(|| format!("{quantity} to {}", wanted.many))
}

/// `26.2 miles to kilometers`.
fn stated(clause: &[Token<'_>]) -> Option<String> {
    let mut reader = Reader::new(clause);
    reader.eat_any(OPENERS);
    let quantity = quantity(&mut reader)?;
    if !reader.eat_kind(&Kind::Sign('=')) {
        reader.eat_any(&[
            "into",
            "to",
            "in",
            "as",
            "expressed in",
            "equals how many",
            "is how many",
        ])?;
    }
    reader.eat_any(&["how many", "the"]);
    let wanted = eat_unit(&mut reader)?;
    reader.done().then(|| format!("{quantity} to {}", wanted.many))
}

/// `3 pounds`, `5 feet 11 inches`, `a mile`, `-40 f`.
fn quantity(reader: &mut Reader<'_, '_>) -> Option<String> {
    let first = measured(reader)?;
    let mut ahead = *reader;
    ahead.eat("and");
    match measured(&mut ahead) {
        Some(second) => {
            *reader = ahead;
            Some(format!("({first} + {second})"))
        }
        None => Some(first),
    }
}

fn measured(reader: &mut Reader<'_, '_>) -> Option<String> {
    let mut ahead = *reader;
    let minus = if ahead.eat_kind(&Kind::Sign('-')) || ahead.eat("minus") { "-" } else { "" };
    let digits = if ahead.eat_any(&["a", "an", "one"]).is_some() {
        "1".to_owned()
    } else if ahead.eat("half a") {
        "0.5".to_owned()
    } else {
        let amount = ahead.next()?.amount()?;
        let plain = !amount.is_percent() && amount.sign().is_empty();
        plain.then(|| amount.digits.clone())?
    };
    let unit = eat_unit(&mut ahead)?;
    *reader = ahead;
    let name = if digits == "1" && minus.is_empty() { unit.one } else { unit.many };
    Some(format!("{minus}{digits} {name}"))
}

fn eat_unit(reader: &mut Reader<'_, '_>) -> Option<UnitName> {
    let words = |count: usize| {
        let row = reader.rest().get(..count)?;
        let words: Vec<_> = row.iter().map(|token| token.word.as_str()).collect();
        unit(&words.join(" ")).map(|unit| (count, unit))
    };
    let (count, unit) = (1..=MAX_UNIT_WORDS).rev().find_map(words)?;
    for _ in 0..count {
        reader.next();
    }
    Some(unit)
}
