//! Arithmetic in signs and in words: `15% of 240, plus 12.5`, `divide 100 by 8`, `half of 90`.

mod named;

use super::amount::Measure;
use super::expression::{Expression, Operator};
use super::reader::{Reader, trim_end};
use super::token::{Kind, Token};
use super::vocabulary::INSTRUCTIONS;
use named::{fraction, function};

/// Deeper brackets are refused: reading them is recursive.
const MAX_DEPTH: usize = 32;

const OPENERS: &[&str] = &[
    "what do you get if you",
    "what do you get when you",
    "what do i get if i",
    "what is the result of",
    "what's the result of",
    "what is the value of",
    "what would be",
    "what is",
    "what's",
    "whats",
    "what are",
    "what does",
    "calculate",
    "compute",
    "work out",
    "figure out",
    "evaluate",
    "solve",
    "how much is",
    "how much are",
    "how much does",
    "find",
    "tell me",
    "give me",
    "determine",
    "show me",
    "say",
    "get",
];
const CLOSERS: &[&str] = &[
    "equal",
    "equals",
    "equal to",
    "make",
    "come to",
    "in total",
    "altogether",
    "result in",
    "total",
];
const NUMBERS: &[(&str, &str)] = &[
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("twenty", "20"),
    ("fifty", "50"),
    ("hundred", "100"),
    ("dozen", "12"),
];
const PRIOR: &[&str] = &["the result", "the answer", "the total", "the sum", "that", "it", "this"];

/// The calculations that a clause asks for; nothing if it asks for anything else.
pub(super) fn calculations(clause: &[Token<'_>]) -> Option<Vec<Expression>> {
    let mut reader = Reader::new(core(clause));
    if let Some(ratio) = ratio(reader).or_else(|| instruction(reader)) {
        return Some(vec![ratio]);
    }
    let mut found = Vec::new();
    while !reader.done() {
        if !found.is_empty() {
            let comma = reader.eat_kind(&Kind::Comma);
            if !reader.eat("and") && !comma {
                return None;
            }
            reader.eat_any(OPENERS);
        }
        let expression = sum(&mut reader, 0)?;
        found.push(expression);
    }
    (!found.is_empty() && found.iter().all(Expression::is_calculation)).then_some(found)
}

/// The clause without the words that only ask.
pub(super) fn core<'t, 'g>(clause: &'t [Token<'g>]) -> &'t [Token<'g>] {
    let mut reader = Reader::new(clause);
    reader.eat_all(OPENERS);
    let mut rest = trim_end(reader.rest(), CLOSERS);
    while let [body @ .., last] = rest
        && (last.kind == Kind::Sign('='))
    {
        rest = body;
    }
    rest
}

/// `add A and B`, `divide A by B`, `increase A by 10%`.
fn instruction(mut reader: Reader<'_, '_>) -> Option<Expression> {
    let verb = reader.eat_any(INSTRUCTIONS)?;
    if matches!(verb, "double" | "triple" | "halve" | "square") {
        let operand = operand(&mut reader)?;
        let (operator, by) = match verb {
            "halve" => (Operator::Divide, "2"),
            "square" => (Operator::Power, "2"),
            "double" => (Operator::Multiply, "2"),
            _ => (Operator::Multiply, "3"),
        };
        return reader.done().then(|| operand.join(operator, Expression::number(by)));
    }
    // `then divide by 2`: what is divided went before.
    let left = if reader.eat("by") { None } else { Some(operand(&mut reader)?) };
    let Some(left) = left else { return finish(verb, Expression::Prior, reader) };
    if reader.done() {
        let additive = matches!(verb, "add" | "subtract" | "take");
        let operator = if verb == "add" { Operator::Add } else { Operator::Subtract };
        return additive.then(|| Expression::Prior.join(operator, left));
    }
    finish(verb, left, reader)
}

/// The rest of an instruction after its first operand.
fn finish(verb: &str, left: Expression, mut reader: Reader<'_, '_>) -> Option<Expression> {
    let joint = reader.eat_any(&["by", "and", "to", "with", "from", "off", "between", "among"]);
    let comma = reader.eat_kind(&Kind::Comma);
    let mut result = {
        let right = operand(&mut reader)?;
        match (verb, joint) {
            ("add", Some("to")) => right.join(Operator::Add, left),
            ("add", Some("and")) => left.join(Operator::Add, right),
            ("add", None) if comma => left.join(Operator::Add, right),
            ("subtract" | "take", Some("from" | "off")) => right.join(Operator::Subtract, left),
            ("multiply", Some("by" | "and" | "with") | None) => {
                left.join(Operator::Multiply, right)
            }
            ("divide", Some("by") | None) => left.join(Operator::Divide, right),
            ("split" | "share", Some("by" | "between" | "among") | None) => {
                reader.eat("equally");
                reader.eat_any(&["people", "persons", "friends", "of us", "ways", "parts"]);
                left.join(Operator::Divide, right)
            }
            ("increase" | "raise", Some("by") | None) => left.join(Operator::Add, right),
            ("decrease" | "reduce" | "lower", Some("by") | None) => {
                left.join(Operator::Subtract, right)
            }
            _ => return None,
        }
    };
    while verb == "add" && !reader.done() {
        let comma = reader.eat_kind(&Kind::Comma);
        if !reader.eat("and") && !comma {
            return None;
        }
        result = result.join(Operator::Add, operand(&mut reader)?);
    }
    reader.done().then_some(result)
}

/// One number, or an expression of `times` and `of`, but no sum: `and` stays for the instruction.
fn operand(reader: &mut Reader<'_, '_>) -> Option<Expression> {
    reader.eat_any(&["a bill of", "a check of"]);
    product(reader, 0)
}

/// `20 is what percent of 80`, `what percentage of 80 is 20`.
fn ratio(reader: Reader<'_, '_>) -> Option<Expression> {
    let whole = [
        "what percentage of",
        "what percent of",
        "percentage of",
        "percent of",
        "the percentage of",
    ];
    let share = |part: Expression, whole: Expression| {
        let ratio = part.join(Operator::Divide, whole);
        ratio.join(Operator::Multiply, Expression::number("100"))
    };
    let mut first = reader;
    if first.eat_any(&whole).is_some() {
        let whole = sum(&mut first, 0)?;
        first.eat_any(&["is", "are"])?;
        let part = sum(&mut first, 0)?;
        return first.done().then(|| share(part, whole));
    }
    let mut second = reader;
    let part = product(&mut second, 0)?;
    second.eat_any(&[
        "is what percent of",
        "is what percentage of",
        "as a percentage of",
        "as a percent of",
        "as percentage of",
    ])?;
    let whole = product(&mut second, 0)?;
    second.done().then(|| share(part, whole))
}

fn sum(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    let mut left = product(reader, depth)?;
    loop {
        let mut ahead = *reader;
        ahead.eat_kind(&Kind::Comma);
        ahead.eat("and then");
        let operator = if ahead.eat_kind(&Kind::Sign('+')) {
            Operator::Add
        } else if ahead.eat_kind(&Kind::Sign('-')) {
            Operator::Subtract
        } else {
            match ahead.eat_any(&[
                "plus",
                "added to",
                "increased by",
                "minus",
                "less",
                "reduced by",
                "decreased by",
            ]) {
                Some("plus" | "added to" | "increased by") => Operator::Add,
                Some(_) => Operator::Subtract,
                None => return Some(left),
            }
        };
        left = left.join(operator, product(&mut ahead, depth)?);
        *reader = ahead;
    }
}

fn product(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    let mut left = power(reader, depth)?;
    loop {
        let operator = if reader.eat_kind(&Kind::Sign('*')) {
            Operator::Multiply
        } else if reader.eat_kind(&Kind::Sign('/')) {
            Operator::Divide
        } else {
            match reader.eat_any(&["times", "multiplied by", "x", "divided by", "over"]) {
                Some("divided by" | "over") => Operator::Divide,
                Some(_) => Operator::Multiply,
                None => return Some(left),
            }
        };
        left = left.join(operator, power(reader, depth)?);
    }
}

fn power(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    if depth > MAX_DEPTH {
        return None;
    }
    if reader.eat_kind(&Kind::Sign('-')) || reader.eat_any(&["minus", "negative"]).is_some() {
        return Some(Expression::Negative(Box::new(power(reader, depth + 1)?)));
    }
    let base = primary(reader, depth)?;
    let raised =
        ["to the power of", "raised to the power of", "raised to the", "raised to", "power"];
    if reader.eat_kind(&Kind::Sign('^')) || reader.eat_any(&raised).is_some() {
        return Some(base.join(Operator::Power, power(reader, depth + 1)?));
    }
    Some(match reader.eat_any(&["squared", "cubed"]) {
        Some("squared") => base.join(Operator::Power, Expression::number("2")),
        Some(_) => base.join(Operator::Power, Expression::number("3")),
        None => base,
    })
}

fn primary(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    if reader.eat_kind(&Kind::Open) {
        let inner = sum(reader, depth + 1)?;
        return reader.eat_kind(&Kind::Close).then_some(inner);
    }
    if let Some(found) = function(reader, depth).or_else(|| fraction(reader, depth)) {
        return Some(found);
    }
    if reader.eat_any(PRIOR).is_some() {
        return Some(Expression::Prior);
    }
    if let Some((_, digits)) = NUMBERS.iter().find(|(word, _)| reader.eat(word)) {
        return Some(Expression::number(digits));
    }
    reader.eat_any(&["a", "an", "the"]);
    let amount = reader.next()?.amount()?.clone();
    if amount.of != Measure::Percent {
        return Some(Expression::Amount(amount));
    }
    let share = Expression::Amount(amount);
    if reader.eat_any(&["of", "out of", "from"]).is_some() {
        let whole = power(reader, depth + 1)?;
        return Some(whole.join(Operator::Multiply, share));
    }
    if reader.eat_any(&["discount on", "off of", "off"]).is_some() {
        let whole = power(reader, depth + 1)?;
        return Some(whole.join(Operator::Subtract, share));
    }
    Some(share)
}
