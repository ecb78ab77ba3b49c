//! Calculations by name: roots, sums, averages, fractions.

use super::super::expression::{Expression, Operator};
use super::super::reader::Reader;
use super::super::token::Kind;
use super::{power, product};

/// `the square root of 144`, `the average of 3, 4 and 5`.
pub(super) fn function(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    let mut ahead = *reader;
    ahead.eat("the");
    if let Some(name) = ahead.eat_any(&["square root of", "sqrt of", "sqrt", "cube root of"]) {
        let inner = power(&mut ahead, depth + 1)?;
        *reader = ahead;
        let name = if name.starts_with("cube") { "cbrt" } else { "sqrt" };
        return Some(Expression::Call(name, Box::new(inner)));
    }
    let names = [
        "sum of",
        "total of",
        "product of",
        "average of",
        "mean of",
        "difference between",
        "difference of",
        "quotient of",
    ];
    let name = ahead.eat_any(&names)?;
    let mut members = vec![product(&mut ahead, depth + 1)?];
    loop {
        let mut next = ahead;
        let comma = next.eat_kind(&Kind::Comma);
        if !next.eat("and") && !comma {
            break;
        }
        let Some(member) = product(&mut next, depth + 1) else { break };
        members.push(member);
        ahead = next;
    }
    let count = members.len();
    let operator = match name {
        "product of" => Operator::Multiply,
        "difference between" | "difference of" => Operator::Subtract,
        "quotient of" => Operator::Divide,
        _ => Operator::Add,
    };
    if count < 2 {
        return None;
    }
    *reader = ahead;
    let all = members.into_iter().reduce(|left, right| left.join(operator, right))?;
    let averaged = matches!(name, "average of" | "mean of");
    let counted = Expression::number(&count.to_string());
    Some(if averaged { all.join(Operator::Divide, counted) } else { all })
}

/// `half of 90`, `two thirds of 12`, `twice 21`.
pub(super) fn fraction(reader: &mut Reader<'_, '_>, depth: usize) -> Option<Expression> {
    let mut ahead = *reader;
    if let Some(times) = ahead.eat_any(&["twice", "double", "triple"]) {
        let inner = power(&mut ahead, depth + 1)?;
        *reader = ahead;
        let by = if times == "triple" { "3" } else { "2" };
        return Some(inner.join(Operator::Multiply, Expression::number(by)));
    }
    let parts: &[(&str, &str, &str)] = &[
        ("three quarters of", "3", "4"),
        ("two thirds of", "2", "3"),
        ("one half of", "1", "2"),
        ("one third of", "1", "3"),
        ("one quarter of", "1", "4"),
        ("a half of", "1", "2"),
        ("half of", "1", "2"),
        ("half", "1", "2"),
        ("a third of", "1", "3"),
        ("a quarter of", "1", "4"),
        ("a fifth of", "1", "5"),
        ("a tenth of", "1", "10"),
        ("one fifth of", "1", "5"),
    ];
    let (_, top, bottom) = parts.iter().find(|(words, ..)| ahead.eat(words))?;
    let inner = power(&mut ahead, depth + 1)?;
    *reader = ahead;
    let inner =
        if *top == "1" { inner } else { inner.join(Operator::Multiply, Expression::number(top)) };
    Some(inner.join(Operator::Divide, Expression::number(bottom)))
}
