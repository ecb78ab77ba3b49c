//! The signs that JSON is made of, found in text that arrives in pieces.
//!
//! More than JSON is understood, because models write more: comments, single and curly quotes, bare
//! words. What a sign means is decided elsewhere. A sign leaves when its last character is known,
//! so that a text cut into pieces anywhere gives the same signs.

/// One sign and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{` or `[`.
    Open(u8),
    /// `}` or `]`.
    Close(u8),
    Colon,
    Comma,
    /// Text with its quotes.
    Text(Quote),
    /// Anything else without a space in it: a number, `true`, a key without quotes.
    Word,
}

/// What text stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Double,
    Single,
    /// Typographers' quotes, which word processors and some models write.
    Curly,
}

impl Quote {
    fn opened_by(c: char) -> Option<Self> {
        match c {
            '"' => Some(Self::Double),
            '\'' => Some(Self::Single),
            '“' | '”' | '„' => Some(Self::Curly),
            _ => None,
        }
    }

    fn is_closed_by(self, c: char) -> bool {
        match self {
            Self::Double => c == '"',
            Self::Single => c == '\'',
            Self::Curly => matches!(c, '“' | '”'),
        }
    }

    /// How many bytes the quotes of this kind take on each side.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Double | Self::Single => 1,
            Self::Curly => '“'.len_utf8(),
        }
    }
}

/// Where a text has been read to.
#[derive(Debug)]
pub(super) struct Lexer {
    at: usize,
    within: Within,
}

#[derive(Debug, Clone, Copy)]
enum Within {
    Nothing,
    Text {
        from: usize,
        quote: Quote,
        escaped: bool,
    },
    Word {
        from: usize,
    },
    LineComment,
    /// Behind the `/` of a `/*`: its star may not end it.
    BlockOpens,
    BlockComment {
        star: bool,
    },
}

impl Lexer {
    pub(super) fn new(at: usize) -> Self {
        Self { at, within: Within::Nothing }
    }

    /// How far the text is read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next sign, or nothing before more text is there.
    pub(super) fn next(&mut self, text: &str) -> Option<Token> {
        let rest = text.get(self.at..)?;
        let mut chars = rest.char_indices().peekable();
        let start = self.at;
        while let Some((offset, c)) = chars.next() {
            let at = start + offset;
            let behind = at + c.len_utf8();
            let following = chars.peek().map(|(_, c)| *c);
            match self.within {
                Within::Nothing => {
                    if c == '/' && following.is_none() {
                        return None; // a comment or a word: the next character says
                    }
                    self.at = behind;
                    if let Some(kind) = sign(c) {
                        return Some(Token { kind, from: at, to: behind });
                    }
                    self.within = begun(c, following, at);
                }
                Within::Text { from, quote, escaped } => {
                    self.at = behind;
                    if !escaped && quote.is_closed_by(c) {
                        self.within = Within::Nothing;
                        return Some(Token { kind: Kind::Text(quote), from, to: behind });
                    }
                    self.within = Within::Text { from, quote, escaped: !escaped && c == '\\' };
                }
                Within::Word { from } => {
                    if ends_word(c) {
                        self.within = Within::Nothing;
                        return Some(Token { kind: Kind::Word, from, to: at });
                    }
                    self.at = behind;
                }
                Within::LineComment => {
                    self.at = behind;
                    if c == '\n' {
                        self.within = Within::Nothing;
                    }
                }
                Within::BlockOpens => {
                    self.at = behind;
                    self.within = Within::BlockComment { star: false };
                }
                Within::BlockComment { star } => {
                    self.at = behind;
                    self.within = match (star, c) {
                        (true, '/') => Within::Nothing,
                        _ => Within::BlockComment { star: c == '*' },
                    };
                }
            }
        }
        None
    }
}

fn sign(c: char) -> Option<Kind> {
    match c {
        '{' | '[' => Some(Kind::Open(c as u8)),
        '}' | ']' => Some(Kind::Close(c as u8)),
        ':' => Some(Kind::Colon),
        ',' => Some(Kind::Comma),
        _ => None,
    }
}

fn begun(c: char, following: Option<char>, at: usize) -> Within {
    match (c, Quote::opened_by(c)) {
        (_, Some(quote)) => Within::Text { from: at, quote, escaped: false },
        ('#', _) => Within::LineComment,
        ('/', _) if following == Some('/') => Within::LineComment,
        ('/', _) if following == Some('*') => Within::BlockOpens,
        _ if is_space(c) => Within::Nothing,
        _ => Within::Word { from: at },
    }
}

/// What may stand between signs: a byte order mark too, which some servers send first.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// An apostrophe within a word is part of it.
fn ends_word(c: char) -> bool {
    is_space(c) || sign(c).is_some() || matches!(c, '"' | '“' | '”')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(text: &str) -> Vec<&str> {
        let mut lexer = Lexer::new(0);
        std::iter::from_fn(|| lexer.next(text)).map(|token| &text[token.from..token.to]).collect()
    }

    #[test]
    fn signs_are_found_through_comments_and_every_kind_of_quote() {
        for (text, found) in [
            (r#"{"a\"}": 1.5}"#, vec!["{", r#""a\"}""#, ":", "1.5", "}"]),
            ("['it', “x \"y\"”]", vec!["[", "'it'", ",", "“x \"y\"”", "]"]),
            ("[1 // }]\n, /* ]*/ 2 # ]\n]", vec!["[", "1", ",", "2", "]"]),
            ("{a: http://x.y/z}", vec!["{", "a", ":", "http", ":"]),
            ("/*/ [ */ {", vec!["{"]),
            ("[\"never closed ]", vec!["["]),
            ("[tru", vec!["["]),
        ] {
            assert_eq!(signs(text), found, "{text}");
        }
    }
}
