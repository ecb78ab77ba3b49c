//! From an expression as a person or a model writes it to one that the library reads the same way.
//!
//! Percentages are resolved here, exactly: `30%` becomes `0.3`. Where a percentage is added to or
//! taken from something that is none, calculators disagree on the meaning, so that is refused; only
//! `1 - 30%` means the same to all of them. A quantity behind `/` is put in parentheses, because
//! the library reads `10 km / 2 hours` as `(10 km / 2) hours`.

use std::iter::Peekable;
use std::vec::IntoIter;

use sortie_engine::Failure;

use super::super::{clip, invalid};
use super::decimal::{grouped, shifted};
use super::tokens::{Token, TokenKind, tokens};

/// The library recurses for each level, and its stack is not endless.
const MAX_NESTING: usize = 64;

/// Words behind a number that are no unit of it.
const NOT_UNITS: &[&str] = &[
    "to", "in", "as", "per", "mod", "pi", "tau", "e", "phi", "sqrt", "cbrt", "abs", "ln", "log",
    "log2", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "floor", "ceil", "round", "square", "cubic",
];

/// An expression that is safe to hand over.
#[derive(Debug)]
pub(super) struct Expression {
    /// For the library.
    pub(super) plain: String,
    /// For people: as it was written, with thousands separated.
    pub(super) pretty: String,
}

/// What a part of an expression is, as far as percentages matter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// The number 1, or 1 with percentages added or taken away.
    One,
    Percent,
    Plain,
}

impl Expression {
    /// # Errors
    /// `invalid_input` that names what is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let found = tokens(text)?;
        if found.is_empty() {
            return Err(invalid("there is nothing to calculate: write an expression as 2 + 3"));
        }
        let pretty = pretty(text, &found);
        let mut writer = Writer { tokens: found.into_iter().peekable(), plain: String::new() };
        writer.sum(0)?;
        if writer.tokens.next().is_some() {
            return Err(invalid("a `)` closes nothing"));
        }
        Ok(Self { plain: writer.plain, pretty })
    }
}

struct Writer {
    tokens: Peekable<IntoIter<Token>>,
    plain: String,
}

impl Writer {
    fn peek(&mut self) -> Option<&TokenKind> {
        self.tokens.peek().map(|token| &token.kind)
    }

    fn put(&mut self, text: &str) {
        if !self.plain.is_empty() && !self.plain.ends_with('(') {
            self.plain.push(' ');
        }
        self.plain.push_str(text);
    }

    /// Terms with `+` and `-` between them, up to a `)` or the end.
    fn sum(&mut self, depth: usize) -> Result<Kind, Failure> {
        if depth > MAX_NESTING {
            return Err(invalid(format!("more than {MAX_NESTING} parentheses inside each other")));
        }
        let from = self.plain.len();
        let mut kind = self.term(depth)?;
        while let Some(TokenKind::Operator(sign @ ('+' | '-'))) = self.peek() {
            let sign = *sign;
            self.tokens.next();
            let left = self.plain[from..].trim_start().to_owned();
            self.put(&sign.to_string());
            let right_from = self.plain.len();
            let right = self.term(depth)?;
            kind = match (kind, right) {
                (Kind::Percent, Kind::Percent) => Kind::Percent,
                (Kind::One, Kind::Percent) | (Kind::Percent, Kind::One) => Kind::One,
                (Kind::Percent, _) | (_, Kind::Percent) => {
                    let right = self.plain[right_from..].trim_start();
                    return Err(ambiguous(&left, sign, right, kind == Kind::Percent));
                }
                _ => Kind::Plain,
            };
        }
        Ok(kind)
    }

    /// Factors with everything but `+` and `-` between them.
    fn term(&mut self, depth: usize) -> Result<Kind, Failure> {
        let mut kind = None;
        let mut operator = None;
        let mut wants_value = true;
        while let Some(next) = self.peek() {
            match next {
                TokenKind::Close => break,
                TokenKind::Operator('+' | '-') if !wants_value => break,
                TokenKind::Percent => {
                    return Err(invalid("a `%` belongs behind a number; a remainder is `5 mod 3`"));
                }
                TokenKind::Operator(sign) => {
                    let sign = *sign;
                    self.tokens.next();
                    self.put(&sign.to_string());
                    let is_sign = wants_value && matches!(sign, '+' | '-');
                    wants_value = sign != '!';
                    operator = if is_sign { operator } else { Some(sign) };
                }
                TokenKind::Number(_) | TokenKind::Word(_) | TokenKind::Open => {
                    let factor = self.factor(depth, operator == Some('/'))?;
                    kind = Some(match (kind, operator, factor) {
                        (None, _, factor) => factor,
                        (Some(Kind::Percent), Some('/'), Kind::Plain) => Kind::Percent,
                        _ => Kind::Plain,
                    });
                    operator = None;
                    wants_value = false;
                }
            }
        }
        kind.ok_or_else(|| invalid("a number is missing: write an expression as 2 + 3"))
    }

    fn factor(&mut self, depth: usize, divides: bool) -> Result<Kind, Failure> {
        match self.tokens.next().map(|token| token.kind) {
            Some(TokenKind::Number(digits)) => self.number(&digits, divides),
            Some(TokenKind::Word(word)) => {
                self.word(&word);
                Ok(Kind::Plain)
            }
            _ => self.group(depth),
        }
    }

    fn word(&mut self, word: &str) {
        // Percent is a unit where something is converted to it.
        let converts = matches!(word, "to" | "in" | "as");
        self.put(word);
        if converts && self.peek() == Some(&TokenKind::Percent) {
            self.tokens.next();
            self.put("percent");
        }
    }

    fn number(&mut self, digits: &str, divides: bool) -> Result<Kind, Failure> {
        if self.peek() == Some(&TokenKind::Percent) {
            self.tokens.next();
            self.put(&shifted(digits, -2));
            self.nothing_adjacent("a percentage")?;
            return Ok(Kind::Percent);
        }
        let kind = if digits == "1" { Kind::One } else { Kind::Plain };
        let is_unit = |kind: &TokenKind| match kind {
            TokenKind::Word(word) => !NOT_UNITS.contains(&word.as_str()),
            _ => false,
        };
        if !(divides && self.peek().is_some_and(is_unit)) {
            self.put(digits);
            if self.peek() == Some(&TokenKind::Word("in".to_owned())) {
                self.inch_or_in();
            }
            self.nothing_adjacent("a number")?;
            return Ok(kind);
        }
        self.put("(");
        self.put(digits);
        while let Some(token) = self.tokens.next_if(|token| is_unit(&token.kind)) {
            if let TokenKind::Word(word) = token.kind {
                self.put(&word);
            }
        }
        self.plain.push(')');
        Ok(Kind::Plain)
    }

    /// `5 in` is a length, unless a word follows into which it is converted.
    fn inch_or_in(&mut self) {
        self.tokens.next();
        match self.peek() {
            Some(TokenKind::Word(next)) if !matches!(next.as_str(), "to" | "in" | "as") => {
                self.put("in");
            }
            Some(TokenKind::Percent) => self.word("in"),
            _ => self.put("inch"),
        }
    }

    fn group(&mut self, depth: usize) -> Result<Kind, Failure> {
        self.put("");
        let from = self.plain.len();
        self.plain.push('(');
        let mut kind = self.sum(depth + 1)?;
        if self.tokens.next_if(|token| token.kind == TokenKind::Close).is_none() {
            return Err(invalid("a `(` is not closed"));
        }
        self.plain.push(')');
        if self.peek() == Some(&TokenKind::Percent) {
            self.tokens.next();
            self.plain.insert(from, '(');
            self.plain.push_str(" / 100)");
            self.nothing_adjacent("a percentage")?;
            kind = Kind::Percent;
        }
        Ok(kind)
    }

    fn nothing_adjacent(&mut self, what: &str) -> Result<(), Failure> {
        match self.peek() {
            Some(TokenKind::Number(digits)) => {
                let digits = clip(digits, 40);
                Err(invalid(format!("between {what} and `{digits}` an operator is missing")))
            }
            Some(TokenKind::Open) if what == "a percentage" => {
                Err(invalid("behind a percentage an operator is missing; a remainder is `5 mod 3`"))
            }
            _ => Ok(()),
        }
    }
}

fn ambiguous(left: &str, sign: char, right: &str, left_is_percent: bool) -> Failure {
    let (base, part) = if left_is_percent { (right, left) } else { (left, right) };
    let (base, part) = (clip(base, 60), clip(part, 60));
    let factor = match (part.parse::<f64>(), sign) {
        (Ok(part), '+') => format!("{}%", percent(100.0 * (1.0 + part))),
        (Ok(part), _) => format!("{}%", percent(100.0 * (1.0 - part))),
        (Err(_), sign) => format!("(1 {sign} {part})"),
    };
    invalid(format!(
        "a percentage {sign} something that is none is ambiguous: write `{base} * {factor}` for \
         a change by that share, or `{left} {sign} {right}` for the plain number",
        left = clip(left, 60),
        right = clip(right, 60),
    ))
}

/// Without the noise of doubles.
fn percent(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

fn pretty(text: &str, tokens: &[Token]) -> String {
    let mut pretty = String::new();
    let mut done = 0;
    for token in tokens.iter().filter(|token| matches!(token.kind, TokenKind::Number(_))) {
        let digits = &text[token.at.clone()];
        pretty.push_str(&text[done..token.at.start]);
        pretty.push_str(&grouped(digits));
        done = token.at.end;
    }
    pretty.push_str(&text[done..]);
    pretty.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        Expression::parse(text).unwrap_or_else(|failure| panic!("{text}: {failure}")).plain
    }

    #[test]
    fn percentages_become_exact_factors() {
        for (text, expected) in [
            ("30% of $150,000", "0.3 * 150000"),
            ("15% * 240 + 12.5", "0.15 * 240 + 12.5"),
            ("15 percent of 240 plus 12.5", "0.15 * 240 + 12.5"),
            ("(3 + 2)% of 10", "((3 + 2) / 100) * 10"),
            ("200 * (100% + 5%)", "200 * (1 + 0.05)"),
            ("100 * (1 - 30% - 12%)", "100 * (1 - 0.3 - 0.12)"),
            ("(1 + 6%/12)^12", "(1 + 0.06 / 12) ^ 12"),
            ("200 - 5% * 200", "200 - 0.05 * 200"),
            ("-5%", "- 0.05"),
            ("45,000 / 150,000 as %", "45000 / 150000 as percent"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_percentage_of_nothing_in_particular_is_refused_with_both_ways_out() {
        for (text, ways) in [
            ("200 + 5%", ["200 * 105%", "200 + 0.05"]),
            ("$200 − 5%", ["200 * 95%", "200 - 0.05"]),
            ("5% + 200", ["200 * 105%", "0.05 + 200"]),
            ("2 * (10 + 7.5%)", ["10 * 107.5%", "10 + 0.075"]),
            ("200 + 6%/12", ["200 * (1 + 0.06 / 12)", "200 + 0.06 / 12"]),
            ("15% * 240 + 5%", ["0.15 * 240 * 105%", "0.15 * 240 + 0.05"]),
        ] {
            let message = Expression::parse(text).expect_err(text).message;
            assert!(ways.iter().all(|way| message.contains(way)), "{text}: {message}");
        }
    }

    #[test]
    fn quantities_behind_a_slash_stay_together() {
        assert_eq!(plain("10 km / 2 hours to mph"), "10 km / (2 hours) to mph");
        assert_eq!(plain("1/2 pi"), "1 / 2 pi");
        assert_eq!(plain("5 in to cm"), "5 inch to cm");
        assert_eq!(plain("5 cm in inches"), "5 cm in inches");
        assert_eq!(plain("3 in + 2 in in cm"), "3 inch + 2 inch in cm");
    }

    #[test]
    fn faults_are_named() {
        for (text, says) in [
            ("", "nothing to calculate"),
            ("$", "nothing to calculate"),
            ("2 +", "a number is missing"),
            ("(2 + 3", "not closed"),
            ("2 + 3)", "closes nothing"),
            ("()", "a number is missing"),
            ("1 000", "operator is missing"),
            ("5 % 3", "operator is missing"),
            ("%", "mod"),
        ] {
            let message = Expression::parse(text).expect_err(text).message;
            assert!(message.contains(says), "{text}: {message}");
        }
        let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
        assert!(Expression::parse(&deep(64)).is_ok());
        assert!(Expression::parse(&deep(65)).expect_err("deep").message.contains("64"));
    }

    #[test]
    fn people_see_thousands_separated_and_the_rest_as_written() {
        let pretty = |text| Expression::parse(text).unwrap().pretty;
        assert_eq!(pretty("150000 * 30%"), "150,000 * 30%");
        assert_eq!(pretty("$1234567.5  ×  2k"), "$1,234,567.5 × 2k");
    }
}
