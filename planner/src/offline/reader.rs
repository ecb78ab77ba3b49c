//! Reads tokens from left to right against patterns of words.

use super::token::{Kind, Token, phrase};

/// A position in a row of tokens. Cheap to copy: a recogniser that fails throws its copy away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t, 'g> {
    rest: &'t [Token<'g>],
}

impl<'t, 'g> Reader<'t, 'g> {
    pub(super) fn new(tokens: &'t [Token<'g>]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn rest(&self) -> &'t [Token<'g>] {
        self.rest
    }

    pub(super) fn done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<&'t Token<'g>> {
        self.rest.first()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'g>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Takes a phrase if it comes next.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        match starts_with(self.rest, words) {
            Some(length) => {
                self.rest = &self.rest[length..];
                true
            }
            None => false,
        }
    }

    /// Takes the first of some phrases that comes next: longer ones stand before shorter ones.
    pub(super) fn eat_any<'w>(&mut self, phrases: &[&'w str]) -> Option<&'w str> {
        phrases.iter().find(|words| self.eat(words)).copied()
    }

    pub(super) fn eat_all(&mut self, phrases: &[&str]) {
        while self.eat_any(phrases).is_some() {}
    }

    pub(super) fn eat_kind(&mut self, kind: &Kind) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == *kind);
        if found {
            self.next();
        }
        found
    }

    /// Whether all that is left is this phrase.
    pub(super) fn ends_with(mut self, words: &str) -> bool {
        self.eat(words) && self.done()
    }

    pub(super) fn phrase(&self) -> String {
        phrase(self.rest)
    }
}

/// How many tokens a phrase takes at the start of a row, if it stands there.
pub(super) fn starts_with(tokens: &[Token<'_>], words: &str) -> Option<usize> {
    let mut length = 0;
    for word in words.split(' ') {
        if !tokens.get(length)?.is(word) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

/// Where a phrase of a list first stands, and its length.
pub(super) fn find_any(tokens: &[Token<'_>], phrases: &[&str]) -> Option<(usize, usize)> {
    (0..tokens.len()).find_map(|at| {
        let length = phrases.iter().find_map(|words| starts_with(&tokens[at..], words))?;
        Some((at, length))
    })
}

/// The row without phrases of a list at its end.
pub(super) fn trim_end<'t, 'g>(mut tokens: &'t [Token<'g>], ends: &[&str]) -> &'t [Token<'g>] {
    loop {
        let shorter = ends.iter().find_map(|words| {
            let start = tokens.len().checked_sub(words.split(' ').count())?;
            starts_with(&tokens[start..], words).map(|_| &tokens[..start])
        });
        match shorter {
            Some(rest) => tokens = rest,
            None if tokens.last().is_some_and(|token| token.kind == Kind::Comma) => {
                tokens = &tokens[..tokens.len() - 1];
            }
            None => return tokens,
        }
    }
}
