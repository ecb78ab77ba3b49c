//! Expressions as the calculator reads them. They are built, never computed: the planner moves
//! digits from the goal into the tool's input.

use std::fmt;

use super::amount::{Amount, Measure};

/// Something to calculate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Amount(Amount),
    /// The result of the calculation before this one.
    Prior,
    /// The value of the step with this number.
    Value(u32),
    Binary(Box<Expression>, Operator, Box<Expression>),
    Negative(Box<Expression>),
    /// `sqrt(...)` and its like.
    Call(&'static str, Box<Expression>),
    /// A quantity in one unit, wanted in another: `26.2 miles to kilometers`.
    Conversion(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Operator {
    const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
            Self::Power => '^',
        }
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 1,
            Self::Multiply | Self::Divide => 2,
            Self::Power => 4,
        }
    }
}

impl Expression {
    pub(super) fn number(digits: &str) -> Self {
        Self::Amount(Amount::plain(digits.to_owned()))
    }

    pub(super) fn percent(digits: &str) -> Self {
        Self::Amount(Amount { digits: digits.to_owned(), of: Measure::Percent })
    }

    /// Adding or taking away a bare percentage means a share of the left side.
    pub(super) fn join(self, operator: Operator, right: Self) -> Self {
        let additive = matches!(operator, Operator::Add | Operator::Subtract);
        if additive && right.is_percent() && !self.is_percent() {
            let factor = Self::Binary(Box::new(Self::number("1")), operator, Box::new(right));
            return Self::Binary(Box::new(self), Operator::Multiply, Box::new(factor));
        }
        Self::Binary(Box::new(self), operator, Box::new(right))
    }

    pub(super) fn is_percent(&self) -> bool {
        matches!(self, Self::Amount(amount) if amount.is_percent())
    }

    /// The sign of the money that comes out, if money does.
    pub(super) fn money(&self) -> Option<&'static str> {
        match self {
            Self::Amount(amount) => Some(amount.sign()).filter(|sign| !sign.is_empty()),
            Self::Prior | Self::Value(_) | Self::Call(..) | Self::Conversion(_) => None,
            Self::Negative(inner) => inner.money(),
            Self::Binary(left, operator, right) => match (operator, left.money(), right.money()) {
                (Operator::Add | Operator::Subtract, left, right) => left.or(right),
                (Operator::Multiply, Some(sign), None) | (Operator::Multiply, None, Some(sign)) => {
                    Some(sign)
                }
                (Operator::Divide, Some(sign), None) => Some(sign),
                _ => None,
            },
        }
    }

    /// Whether anything is calculated at all.
    pub(super) fn is_calculation(&self) -> bool {
        !matches!(self, Self::Amount(_) | Self::Prior | Self::Value(_))
    }

    pub(super) fn uses_prior(&self) -> bool {
        match self {
            Self::Prior => true,
            Self::Amount(_) | Self::Value(_) | Self::Conversion(_) => false,
            Self::Negative(inner) | Self::Call(_, inner) => inner.uses_prior(),
            Self::Binary(left, _, right) => left.uses_prior() || right.uses_prior(),
        }
    }

    /// The same with the number of the step that went before.
    pub(super) fn after(self, step: u32) -> Self {
        match self {
            Self::Prior => Self::Value(step),
            Self::Negative(inner) => Self::Negative(Box::new(inner.after(step))),
            Self::Call(name, inner) => Self::Call(name, Box::new(inner.after(step))),
            Self::Binary(left, operator, right) => {
                let (left, right) = (left.after(step), right.after(step));
                Self::Binary(Box::new(left), operator, Box::new(right))
            }
            other => other,
        }
    }

    fn strength(&self) -> u8 {
        match self {
            Self::Binary(_, operator, _) => operator.strength(),
            Self::Negative(_) => 3,
            _ => 5,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.strength() < at_least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(amount) if amount.is_percent() => write!(f, "{}%", amount.digits),
            Self::Amount(amount) => f.write_str(&amount.digits),
            Self::Prior => f.write_str("the result"),
            Self::Value(step) => write!(f, "{{{{{step}.value}}}}"),
            Self::Negative(inner) => {
                f.write_str("-")?;
                inner.write(f, 5)
            }
            Self::Call(name, inner) => write!(f, "{name}({inner})"),
            Self::Conversion(text) => f.write_str(text),
            Self::Binary(left, operator, right) => {
                // Only addition and multiplication may be regrouped, so the rest keeps its brackets.
                let strength = operator.strength();
                let power = *operator == Operator::Power;
                left.write(f, strength + u8::from(power))?;
                write!(f, " {} ", operator.sign())?;
                let loose = matches!(operator, Operator::Add | Operator::Power);
                right.write(f, strength + u8::from(!loose))
            }
        }
    }
}
