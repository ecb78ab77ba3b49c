//! A goal as tokens: words, amounts, signs. Everything after this looks at tokens, never at
//! characters, so that punctuation, case and spacing are settled once.

use super::amount::Amount;

/// More tokens are refused: nobody types a plan of rules that long, and recognisers may look at a
/// goal a few times.
pub(super) const MAX_TOKENS: usize = 2_000;

/// A word, an amount or a sign of a goal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'g> {
    pub(super) kind: Kind,
    /// The goal's own characters.
    pub(super) text: &'g str,
    /// A word in lower case with plain apostrophes; empty for everything else.
    pub(super) word: String,
    /// Whether it follows the token before without a space.
    pub(super) glued: bool,
    /// Whether it opens a sentence, so that its capital says nothing.
    pub(super) opens: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word,
    /// A phrase in double quotes: one name, whatever is in it.
    Quoted,
    Amount(Amount),
    /// A sign of arithmetic: one of `+ - * / ^ % =`.
    Sign(char),
    /// `$` and its like.
    Currency,
    Comma,
    Colon,
    Open,
    Close,
    /// The end of a sentence.
    Stop,
}

impl Token<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        self.word == word
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.contains(&self.word.as_str())
    }

    pub(super) fn amount(&self) -> Option<&Amount> {
        match &self.kind {
            Kind::Amount(amount) => Some(amount),
            _ => None,
        }
    }

    /// Whether it is written like a name: with a capital or a digit in front, or in quotes.
    pub(super) fn is_name(&self) -> bool {
        let leads = |c: char| c.is_uppercase() || c.is_numeric();
        self.kind == Kind::Quoted || self.text.chars().next().is_some_and(leads)
    }
}

/// The words of a phrase, or of a pattern, as the goal wrote them.
pub(super) fn phrase(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && !token.glued {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    text
}

/// Cuts a goal into tokens; nothing if it has more than [`MAX_TOKENS`].
pub(super) fn tokens(goal: &str) -> Option<Vec<Token<'_>>> {
    let mut lexer = Lexer { goal, at: 0, tokens: Vec::new() };
    while lexer.step() {
        if lexer.tokens.len() > MAX_TOKENS {
            return None;
        }
    }
    Some(super::amount::merge(goal, &lexer.tokens))
}

struct Lexer<'g> {
    goal: &'g str,
    at: usize,
    tokens: Vec<Token<'g>>,
}

impl<'g> Lexer<'g> {
    fn step(&mut self) -> bool {
        let start = self.at;
        let mut chars = self.goal[start..].chars();
        let Some(first) = chars.next() else { return false };
        let second = chars.next();
        let (kind, length) = match first {
            c if c.is_whitespace() || c.is_control() => return self.space(),
            '.' | '!' | '?' | ';' | '…' | '。' | '？' | '！' if !self.leads_number() => {
                (Kind::Stop, first.len_utf8())
            }
            c if c.is_ascii_digit() || c == '.' => {
                let (digits, length) = number(&self.goal[start..]);
                (Kind::Amount(Amount::plain(digits)), length)
            }
            '*' if second == Some('*') => (Kind::Sign('^'), 2),
            '+' | '*' | '/' | '^' | '%' | '=' => (Kind::Sign(first), 1),
            '-' | '–' | '—' | '−' => (Kind::Sign('-'), first.len_utf8()),
            '×' | '·' => (Kind::Sign('*'), first.len_utf8()),
            '÷' => (Kind::Sign('/'), first.len_utf8()),
            'x' if self.is_times(second) => (Kind::Sign('*'), 1),
            '$' | '€' | '£' | '¥' | '₹' => (Kind::Currency, first.len_utf8()),
            ',' | '，' | '、' => (Kind::Comma, first.len_utf8()),
            ':' => (Kind::Colon, 1),
            '(' | '[' => (Kind::Open, 1),
            ')' | ']' => (Kind::Close, 1),
            '&' => (Kind::Word, 1),
            '"' | '“' | '”' => return self.quoted(first),
            _ => (Kind::Word, word_length(&self.goal[start..])),
        };
        self.push(kind, length);
        true
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.goal[self.at..self.at + length];
        let plain = || match text {
            "&" => "and".to_owned(),
            text => text.to_lowercase().replace('’', "'"),
        };
        let word = if kind == Kind::Word { plain() } else { String::new() };
        let before = self.goal[..self.at].chars().next_back();
        let glued = before.is_some_and(|c| !c.is_whitespace() && !"\"“”".contains(c));
        let opens =
            self.tokens.last().is_none_or(|last| matches!(last.kind, Kind::Stop | Kind::Colon));
        self.at += length;
        self.tokens.push(Token { kind, text, word, glued, opens });
    }

    /// Skips space; an empty line ends a sentence as a full stop does.
    fn space(&mut self) -> bool {
        let rest = &self.goal[self.at..];
        let end = rest.find(|c: char| !c.is_whitespace() && !c.is_control());
        let space = &rest[..end.unwrap_or(rest.len())];
        self.at += space.len();
        if space.matches('\n').count() > 1 && end.is_some() && !self.tokens.is_empty() {
            self.push(Kind::Stop, 0);
        }
        true
    }

    /// One token for a quoted phrase; quotes that never close are skipped.
    fn quoted(&mut self, open: char) -> bool {
        self.at += open.len_utf8();
        let rest = &self.goal[self.at..];
        if let Some(length) = rest.find(['"', '”']).filter(|length| (1..=120).contains(length)) {
            self.push(Kind::Quoted, length);
            self.at += rest[length..].chars().next().map_or(0, char::len_utf8);
        }
        true
    }

    /// Whether a full stop here is the point of `.5`.
    fn leads_number(&self) -> bool {
        let mut rest = self.goal[self.at..].chars();
        let point = rest.next() == Some('.') && rest.next().is_some_and(|c| c.is_ascii_digit());
        point && self.goal[..self.at].chars().next_back().is_none_or(|c| !c.is_alphanumeric())
    }

    /// Whether an `x` here stands between two numbers.
    fn is_times(&self, next: Option<char>) -> bool {
        let after_number = matches!(self.tokens.last(), Some(token) if token.amount().is_some());
        after_number && next.is_some_and(|c| c.is_ascii_digit() || c.is_whitespace())
    }
}

/// Reads `96,000.50`; the digits come without the commas.
fn number(text: &str) -> (String, usize) {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut digits = String::new();
    let (mut at, mut point) = (0, false);
    loop {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii_digit() => digits.push(char::from(*byte)),
            Some(b'.') if !point && digit(at + 1) => {
                if digits.is_empty() {
                    digits.push('0');
                }
                digits.push('.');
                point = true;
            }
            // A comma groups thousands only if just three digits follow.
            Some(b',') if !point && (1..=3).all(|n| digit(at + n)) && !digit(at + 4) => {}
            _ => return (digits, at),
        }
        at += 1;
    }
}

/// How far a word reaches: `Node.js`, `C++`, `high-level`, `km/h` and `{{1}}` are one word each.
fn word_length(text: &str) -> usize {
    let is_part = |c: char| {
        c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace()) || "_{}#@<>|~`\\".contains(c)
    };
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    let mut last = ' ';
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        let joins = last.is_alphanumeric()
            && match c {
                '-' | '/' => next.is_alphabetic() && last.is_alphabetic(),
                '\'' | '.' | '&' => next.is_alphanumeric(),
                '+' => {
                    last.is_alphabetic() && (next == '+' || !next.is_alphanumeric() && next != ' ')
                }
                _ => false,
            };
        let stops = ['“', '”', '…', '。', '？', '！', '，', '、', '×', '÷', '–', '—', '−'];
        let part = is_part(c) && !stops.contains(&c) || c == '’' && next.is_alphabetic();
        if at > 0 && !(part || joins || (c == '+' && last == '+') || c == '\'' && last == 's') {
            break;
        }
        end = at + c.len_utf8();
        last = c;
    }
    // `St.`, `vs.`, `U.S.`: the full stop belongs to the word.
    let word = text[..end].to_lowercase();
    let short =
        ABBREVIATIONS.contains(&word.as_str()) || (word.len() == 3 && word.as_bytes()[1] == b'.');
    if short && text[end..].starts_with('.') { end + 1 } else { end }
}

const ABBREVIATIONS: [&str; 12] =
    ["vs", "v", "st", "mt", "dr", "mr", "mrs", "ms", "e.g", "i.e", "u.s", "approx"];

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(goal: &str) -> Vec<&str> {
        tokens(goal).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn names_and_numbers_stay_whole() {
        for (goal, expected) in [
            ("C++ vs. C#?", vec!["C++", "vs.", "C#", "?"]),
            ("Node.js, high-level.", vec!["Node.js", ",", "high-level", "."]),
            ("add 3,4 and 5,000", vec!["add", "3", ",", "4", "and", "5,000"]),
            ("3x4 = .5*2.", vec!["3", "x", "4", "=", ".5", "*", "2", "."]),
            ("{{1}} \"War and Peace\"", vec!["{{1}}", "War and Peace"]),
            ("150-30", vec!["150", "-", "30"]),
            ("in St. Louis", vec!["in", "St.", "Louis"]),
            ("sqrt(144)", vec!["sqrt", "(", "144", ")"]),
        ] {
            assert_eq!(texts(goal), expected, "{goal}");
        }
    }

    #[test]
    fn an_endless_goal_is_given_up() {
        assert!(tokens(&"a ".repeat(32 * 1024)).is_none());
    }
}
