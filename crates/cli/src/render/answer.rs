//! The text of an answer as it is written: pieces by attempt and byte offset, which may be missed,
//! repeated or begun anew.

use sortie_proto::v1::AnswerText;

/// What has been shown of the answer so far.
#[derive(Debug, Default)]
pub(super) struct AnswerStream {
    attempt: u32,
    shown: String,
    /// A piece is missing: nothing fits any more until the next attempt.
    broken: bool,
}

/// What to write of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// It was shown, or does not fit.
    Nothing,
    /// It goes on where the text stands.
    More(&'a str),
    /// Another attempt begins, and something of the one before was shown.
    Again(&'a str),
}

/// What to write of the recorded answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest<'a> {
    /// What was shown is its beginning; this is missing.
    Missing(&'a str),
    /// What was shown is something else.
    Other,
}

impl AnswerStream {
    pub(super) fn push<'a>(&mut self, piece: &'a AnswerText) -> Piece<'a> {
        if piece.attempt < self.attempt {
            return Piece::Nothing;
        }
        let mut again = false;
        if piece.attempt > self.attempt {
            again = !self.shown.is_empty();
            *self = Self { attempt: piece.attempt, ..Self::default() };
        }
        let shown = self.shown.len() as u64;
        let overlap = shown.checked_sub(piece.offset).and_then(|skip| usize::try_from(skip).ok());
        let Some(skip) = overlap.filter(|_| !self.broken) else {
            self.broken = true;
            return Piece::Nothing;
        };
        if skip >= piece.text.len() {
            return Piece::Nothing;
        }
        let Some(text) = piece.text.get(skip..) else {
            self.broken = true;
            return Piece::Nothing;
        };
        self.shown.push_str(text);
        if again { Piece::Again(text) } else { Piece::More(text) }
    }

    pub(super) fn rest<'a>(&self, answer: &'a str) -> Rest<'a> {
        answer.strip_prefix(self.shown.as_str()).map_or(Rest::Other, Rest::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(attempt: u32, offset: u64, text: &str) -> AnswerText {
        AnswerText { attempt, offset, text: text.to_owned() }
    }

    #[test]
    fn pieces_are_shown_once_whatever_is_repeated() {
        let mut stream = AnswerStream::default();
        assert_eq!(stream.push(&piece(1, 0, "Hello ")), Piece::More("Hello "));
        assert_eq!(stream.push(&piece(1, 0, "Hello ")), Piece::Nothing);
        assert_eq!(stream.push(&piece(1, 3, "lo wörld")), Piece::More("wörld"));
        assert_eq!(stream.rest("Hello wörld!"), Rest::Missing("!"));
    }

    #[test]
    fn a_gap_silences_the_attempt_and_the_recorded_answer_fills_it() {
        let mut stream = AnswerStream::default();
        assert_eq!(stream.push(&piece(1, 0, "ab")), Piece::More("ab"));
        assert_eq!(stream.push(&piece(1, 9, "xy")), Piece::Nothing);
        assert_eq!(stream.push(&piece(1, 2, "cd")), Piece::Nothing);
        assert_eq!(stream.rest("abcdefghixy"), Rest::Missing("cdefghixy"));
    }

    #[test]
    fn a_new_attempt_starts_over_and_an_old_one_is_stale() {
        let mut stream = AnswerStream::default();
        stream.push(&piece(1, 0, "wrong"));
        assert_eq!(stream.push(&piece(2, 0, "right")), Piece::Again("right"));
        assert_eq!(stream.push(&piece(1, 5, "er")), Piece::Nothing);
        assert_eq!(stream.rest("right"), Rest::Missing(""));
        assert_eq!(stream.rest("else"), Rest::Other);
    }

    #[test]
    fn an_offset_inside_a_character_is_a_gap() {
        let mut stream = AnswerStream::default();
        stream.push(&piece(1, 0, "abc"));
        assert_eq!(stream.push(&piece(1, 2, "é!")), Piece::Nothing);
        assert!(stream.broken);
    }
}
