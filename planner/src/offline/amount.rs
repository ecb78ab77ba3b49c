//! Amounts as people write them: `$96,000`, `96k`, `30 percent`, `80 euros`, `EUR 2.5 million`.
//!
//! Digits stay text from the goal to the tool: the planner never computes.

use super::token::{Kind, Token};

/// A number with what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount {
    /// Plain decimal digits, as `96000` or `12.5`.
    pub(super) digits: String,
    pub(super) of: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Plain,
    Percent,
    /// Money, with its sign.
    Money(&'static str),
}

impl Amount {
    pub(super) fn plain(digits: String) -> Self {
        Self { digits, of: Measure::Plain }
    }

    pub(super) fn is_percent(&self) -> bool {
        self.of == Measure::Percent
    }

    pub(super) fn sign(&self) -> &'static str {
        match self.of {
            Measure::Money(sign) => sign,
            Measure::Plain | Measure::Percent => "",
        }
    }

    /// For people: `$96,000`, `25%`.
    pub(super) fn shown(&self) -> String {
        let percent = if self.is_percent() { "%" } else { "" };
        format!("{}{}{percent}", self.sign(), grouped(&self.digits))
    }
}

/// Plain digits with thousands separators: `-1234567.5` becomes `-1,234,567.5`.
pub(super) fn grouped(digits: &str) -> String {
    let (minus, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut text = minus.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// The sign of a currency's word, code or symbol.
fn currency(text: &str) -> Option<&'static str> {
    Some(match text.to_lowercase().as_str() {
        "$" | "usd" | "dollar" | "dollars" | "bucks" | "us$" => "$",
        "€" | "eur" | "euro" | "euros" => "€",
        "£" | "gbp" | "quid" => "£",
        "¥" | "jpy" | "yen" => "¥",
        "₹" | "inr" | "rupees" => "₹",
        _ => return None,
    })
}

/// How many zeros a word of magnitude stands for. A bare `m` means metres unless it is money.
fn zeros(token: &Token<'_>, money: bool) -> Option<usize> {
    match token.word.as_str() {
        "k" if token.glued => Some(3),
        "thousand" | "grand" => Some(3),
        "m" | "mio" | "mn" if token.glued && money => Some(6),
        "million" => Some(6),
        "billion" | "bn" => Some(9),
        "b" if token.glued && money => Some(9),
        _ => None,
    }
}

fn shifted(digits: &str, zeros: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (moved, rest) = fraction.split_at(fraction.len().min(zeros));
    let padding = "0".repeat(zeros - moved.len());
    let whole = format!("{whole}{moved}{padding}");
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}

/// Puts the tokens of one amount together.
pub(super) fn merge<'g>(goal: &'g str, tokens: &[Token<'g>]) -> Vec<Token<'g>> {
    let mut merged = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some((token, length)) = amount_at(goal, &tokens[at..]) {
            merged.push(token);
            at += length;
        } else {
            merged.push(tokens[at].clone());
            at += 1;
        }
    }
    merged
}

fn amount_at<'g>(goal: &'g str, tokens: &[Token<'g>]) -> Option<(Token<'g>, usize)> {
    let sign = currency(tokens.first()?.text);
    let mut at = usize::from(sign.is_some());
    // `US$5` comes as a word that ends where the symbol starts.
    let mut amount = tokens.get(at)?.amount()?.clone();
    at += 1;
    if let Some(zeros) = tokens.get(at).and_then(|token| zeros(token, sign.is_some())) {
        amount.digits = shifted(&amount.digits, zeros);
        at += 1;
    }
    let percent = |token: &Token<'_>| {
        token.kind == Kind::Sign('%') || token.is_any(&["percent", "pct", "per-cent"])
    };
    let per_cent = tokens.get(at).is_some_and(|token| token.is("per"))
        && tokens.get(at + 1).is_some_and(|token| token.is("cent"));
    if let Some(sign) = sign {
        amount.of = Measure::Money(sign);
    } else if tokens.get(at).is_some_and(percent) {
        amount.of = Measure::Percent;
        at += 1;
    } else if per_cent {
        amount.of = Measure::Percent;
        at += 2;
    } else if let Some(sign) = tokens.get(at).and_then(|token| currency(token.text)) {
        // In `100 $ 5` the sign may belong to either; the nearer one wins.
        amount.of = Measure::Money(sign);
        at += 1;
    }
    let first = &tokens[0];
    let text = span(goal, first.text, tokens[at - 1].text);
    let kind = Kind::Amount(amount);
    Some((Token { kind, text, word: String::new(), glued: first.glued, opens: first.opens }, at))
}

/// The part of the goal from the start of one slice of it to the end of another.
fn span<'g>(goal: &'g str, first: &'g str, last: &'g str) -> &'g str {
    let start = first.as_ptr() as usize - goal.as_ptr() as usize;
    let end = last.as_ptr() as usize + last.len() - goal.as_ptr() as usize;
    &goal[start..end]
}

#[cfg(test)]
mod tests {
    use crate::offline::token::tokens;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, shown) in [
            ("$96,000", "$96,000"),
            ("96k", "96,000"),
            ("$1.5m", "$1,500,000"),
            ("EUR 2.5 million", "€2,500,000"),
            ("80 euros", "€80"),
            ("30 percent", "30%"),
            ("30 per cent", "30%"),
            ("12.5%", "12.5%"),
            (".5 thousand", "500"),
            ("1,234,567.89", "1,234,567.89"),
        ] {
            let tokens = tokens(text).unwrap();
            assert_eq!(tokens.len(), 1, "{text}: {tokens:?}");
            assert_eq!(tokens[0].amount().unwrap().shown(), shown, "{text}");
            assert_eq!(tokens[0].text, text);
        }
    }
}
