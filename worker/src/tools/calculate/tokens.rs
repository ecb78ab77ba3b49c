//! The words of an expression. Numbers as people write them become plain decimals; everything that
//! could mean two things or wake a dangerous part of the library is refused by name.

use std::ops::Range;

use sortie_engine::Failure;

use super::super::{clip, invalid};
use super::decimal::{plain_decimal, shifted};

/// No number that people calculate with has more digits, and powers of larger ones take for ever.
const MAX_EXPONENT: i32 = 300;

/// Words that the library knows and a calculator must not: output, dice, logic, dates, and number
/// formats whose result would be read as a decimal number.
const REFUSED_WORDS: &[&str] = &[
    "print",
    "println",
    "roll",
    "sample",
    "mean",
    "average",
    "not",
    "xor",
    "and",
    "or",
    "true",
    "false",
    "base",
    "hex",
    "hexadecimal",
    "bin",
    "binary",
    "ternary",
    "senary",
    "seximal",
    "oct",
    "octal",
    "roman",
    "roman_numeral",
    "words",
    "string",
    "text",
    "char",
    "character",
    "codepoint",
    "bool",
    "boolean",
    "date",
    "today",
    "tomorrow",
    "yesterday",
    "version",
    "trans",
    "earth",
    "i",
    "fib",
    "fibonacci",
    "real",
    "re",
    "imag",
    "im",
    "conjugate",
    "arg",
    "cis",
    "frac",
    "fraction",
    "mixed_frac",
    "mixed_fraction",
];

/// Words for money behind an amount; without exchange rates they change nothing.
const CURRENCIES: &[(&str, char)] = &[
    ("usd", '$'),
    ("dollar", '$'),
    ("dollars", '$'),
    ("eur", '€'),
    ("euro", '€'),
    ("euros", '€'),
    ("gbp", '£'),
];

/// Words that mean an operator or a unit that the library spells otherwise.
const OTHER_NAMES: &[(&str, TokenKind)] = &[
    ("plus", TokenKind::Operator('+')),
    ("minus", TokenKind::Operator('-')),
    ("times", TokenKind::Operator('*')),
    ("percent", TokenKind::Percent),
    ("pct", TokenKind::Percent),
];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// Plain decimal digits, with a point at most.
    Number(String),
    Percent,
    /// One of `+ - * / ^ !`.
    Operator(char),
    /// A unit, a function, a constant, `to`, or a word that means nothing.
    Word(String),
    Open,
    Close,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Where it stands in the expression; of a number only the digits.
    pub(super) at: Range<usize>,
}

/// Splits an expression.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut lexer = Lexer { text, at: 0, found: Vec::new(), currency: None };
    while let Some(c) = lexer.rest().chars().next() {
        lexer.next(c)?;
    }
    Ok(lexer.found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Token>,
    currency: Option<char>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn push(&mut self, kind: TokenKind, from: usize) {
        self.found.push(Token { kind, at: from..self.at });
    }

    fn next(&mut self, c: char) -> Result<(), Failure> {
        let from = self.at;
        let second = self.rest().chars().nth(1);
        if c.is_ascii_digit() || (c == '.' && second.is_some_and(|d| d.is_ascii_digit())) {
            return self.number();
        }
        if c.is_alphabetic() || c == '°' {
            return self.word();
        }
        self.at += c.len_utf8();
        let kind = match c {
            c if c.is_whitespace() => return Ok(()),
            '$' | '€' | '£' => return self.money(c),
            '*' if second == Some('*') => {
                self.at += 1;
                TokenKind::Operator('^')
            }
            '+' | '-' | '*' | '/' | '^' | '!' => TokenKind::Operator(c),
            '−' | '–' => TokenKind::Operator('-'),
            '×' | '·' => TokenKind::Operator('*'),
            '÷' => TokenKind::Operator('/'),
            '%' => TokenKind::Percent,
            '(' => TokenKind::Open,
            ')' => TokenKind::Close,
            ',' => return Err(invalid("`,` may only separate thousands, as in 150,000")),
            other => return Err(invalid(format!("`{other}` has no place in an expression"))),
        };
        self.push(kind, from);
        Ok(())
    }

    fn money(&mut self, currency: char) -> Result<(), Failure> {
        match self.currency.replace(currency) {
            Some(other) if other != currency => Err(invalid(format!(
                "`{other}` and `{currency}` cannot be mixed: there are no exchange rates here"
            ))),
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), Failure> {
        let from = self.at;
        let typed = self.take(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '_'));
        let typed = typed.trim_end_matches([',', '_']);
        self.at = from + typed.len();
        let plain = plain_decimal(typed)?;
        let at = from..self.at;
        if typed == "0" && self.rest().starts_with(['x', 'X', 'b', 'o']) {
            let prefixed = clip(&self.text[from..], 12);
            return Err(invalid(format!("`{prefixed}`: only decimal numbers are understood")));
        }
        let shift = self.exponent()? + self.scale();
        self.found.push(Token { kind: TokenKind::Number(shifted(&plain, shift)), at });
        Ok(())
    }

    /// `e5`, `E-3`: a power of ten glued to the number.
    fn exponent(&mut self) -> Result<i32, Failure> {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else { return Ok(0) };
        let (sign, digits) = match rest.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, rest.strip_prefix('+').unwrap_or(rest)),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if end == 0 {
            return Ok(0);
        }
        let power = digits[..end].parse().ok().filter(|power| *power <= MAX_EXPONENT);
        let power: i32 = power.ok_or_else(|| {
            invalid(format!("a power of ten may be {MAX_EXPONENT} at most in `1e{MAX_EXPONENT}`"))
        })?;
        self.at += self.rest().len() - digits.len() + end;
        Ok(sign * power)
    }

    /// `k`, `M` and `bn` glued to the number, `thousand` and larger behind it.
    fn scale(&mut self) -> i32 {
        let rest = self.rest();
        let next = rest.trim_start();
        let end = next.find(|c: char| !c.is_alphanumeric()).unwrap_or(next.len());
        let glued = next.len() == rest.len();
        let power = match &next[..end] {
            "k" | "K" if glued => 3,
            "M" if glued => 6,
            "bn" | "B" if glued => 9,
            "thousand" => 3,
            "million" => 6,
            "billion" => 9,
            "trillion" => 12,
            _ => return 0,
        };
        self.at += rest.len() - next.len() + end;
        power
    }

    fn word(&mut self) -> Result<(), Failure> {
        let from = self.at;
        let word = self.take(|c| c.is_alphanumeric() || matches!(c, '°' | '_'));
        let after_value = self.found.last().is_some_and(|token| {
            matches!(token.kind, TokenKind::Number(_) | TokenKind::Close | TokenKind::Percent)
        });
        let factor = word.strip_prefix(['x', 'X']);
        if after_value && factor.is_some_and(|f| f.bytes().all(|b| b.is_ascii_digit())) {
            self.at = from + 1;
            self.push(TokenKind::Operator('*'), from);
            return Ok(());
        }
        let lower = word.to_lowercase();
        let is_die = lower
            .strip_prefix('d')
            .is_some_and(|sides| !sides.is_empty() && sides.bytes().all(|b| b.is_ascii_digit()));
        if REFUSED_WORDS.contains(&lower.as_str()) || is_die || word.contains('_') {
            return Err(invalid(format!("`{}` is not something to calculate", clip(word, 40))));
        }
        if let Some((_, sign)) = CURRENCIES.iter().find(|(name, _)| *name == lower) {
            return self.money(*sign);
        }
        if matches!(lower.as_str(), "divided" | "multiplied") {
            self.take(char::is_whitespace);
            let by = self.take(char::is_alphabetic);
            if by != "by" {
                return Err(invalid(format!("`{lower}` must be followed by `by`")));
            }
            self.push(TokenKind::Operator(if lower == "divided" { '/' } else { '*' }), from);
            return Ok(());
        }
        let other = OTHER_NAMES.iter().find(|(name, _)| *name == lower);
        let kind = match other {
            Some((_, kind)) => kind.clone(),
            None if lower == "of" && after_value => TokenKind::Operator('*'),
            None => TokenKind::Word(library_name(word)),
        };
        self.push(kind, from);
        Ok(())
    }
}

fn library_name(word: &str) -> String {
    match word {
        "degF" => "°F",
        "degC" => "°C",
        "π" => "pi",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<String> {
        let number = |token: Token| match token.kind {
            TokenKind::Number(digits) => Some(digits),
            _ => None,
        };
        tokens(text).unwrap().into_iter().filter_map(number).collect()
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, digits) in [
            ("150,000", "150000"),
            ("1,234,567.89", "1234567.89"),
            (".5", "0.5"),
            ("150k", "150000"),
            ("1.5 million", "1500000"),
            ("$2.25bn", "2250000000"),
            ("1e3", "1000"),
            ("12.5E-3", "0.0125"),
            ("1_000", "1000"),
            ("007", "007"),
        ] {
            assert_eq!(numbers(text), [digits], "{text}");
        }
        assert_eq!(numbers("3x4 x 5"), ["3", "4", "5"]);
        assert_eq!(numbers("2 e"), ["2"]);
    }

    #[test]
    fn what_can_mean_two_things_is_refused() {
        for (text, says) in [
            ("1,5", "ambiguous"),
            ("1,2345", "ambiguous"),
            ("1234,567", "ambiguous"),
            ("1.000,50", "not a number"),
            ("1.2.3", "not a number"),
            ("0x10", "decimal"),
            ("1e301", "power of ten"),
            ("1e99999999999999", "power of ten"),
            ("$5 + €3", "exchange rates"),
            ("100 USD to EUR", "exchange rates"),
            ("max(1, 2)", "thousands"),
            ("1000d6", "`d6`"),
            ("10 to binary", "`binary`"),
            ("\\x.x", "`\\`"),
            ("a = 1", "`=`"),
            ("1 << 9", "`<`"),
            ("x_1", "`x_1`"),
        ] {
            let failure = tokens(text).expect_err(text);
            assert!(failure.message.contains(says), "{text}: {failure}");
        }
    }
}
