//! Places that clients carry for us: in a history, and in the list of runs. Opaque text; the first
//! two digits say which form it has, so that a later form can be told from this one.

use sortie_engine::{CommitId, RunId, Seq, Timestamp};
use sortie_proto::BadField;
use sortie_store::PageToken;

use crate::watch::Place;

/// A place in a history, and whether the run had ended there: then nothing follows that a watcher
/// waits for, which the place alone does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) place: Place,
    pub(super) has_ended: bool,
}

/// The form of cursors.
const CURSOR: &str = "c1";
/// The form of page tokens.
const PAGE: &str = "p1";

impl Cursor {
    pub(super) const START: Self = Self { place: Place::START, has_ended: false };

    /// Empty text is the beginning.
    pub(super) fn parse(text: &str) -> Result<Self, BadField> {
        if text.is_empty() {
            return Ok(Self::START);
        }
        let read = || {
            let digits = digits(text, CURSOR, 1 + 16 + 32)?;
            let has_ended = match &digits[..1] {
                "0" => false,
                "1" => true,
                _ => return None,
            };
            let seq = u64::from_str_radix(&digits[1..17], 16).ok().filter(|seq| *seq > 0)?;
            let commit = Some(CommitId::new(u128::from_str_radix(&digits[17..], 16).ok()?));
            Some(Self { place: Place { seq: Seq::new(seq), commit }, has_ended })
        };
        read().ok_or_else(|| BadField::new("cursor", "is none of ours: leave it empty to begin"))
    }

    pub(super) fn to_text(self) -> String {
        let Place { seq, commit } = self.place;
        let Some(commit) = commit else { return String::new() };
        format!("{CURSOR}{:x}{:016x}{commit}", u8::from(self.has_ended), seq.get())
    }
}

/// Empty text is the first page.
pub(super) fn parse_page(text: &str) -> Result<Option<PageToken>, BadField> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let rest = text.strip_prefix(PAGE)?;
        let at = rest.get(..16).filter(|at| is_hex(at))?;
        let submitted_at = Timestamp::from_millis(u64::from_str_radix(at, 16).ok()?);
        let run: RunId = rest.get(16..)?.parse().ok()?;
        Some(PageToken { submitted_at, run })
    };
    let bad = || BadField::new("page_token", "is none of ours: leave it empty for the first page");
    read().map(Some).ok_or_else(bad)
}

pub(super) fn page_text(token: &PageToken) -> String {
    format!("{PAGE}{:016x}{}", token.submitted_at.as_millis(), token.run)
}

/// The hexadecimal digits behind a prefix, if there are exactly so many.
fn digits<'t>(text: &'t str, prefix: &str, count: usize) -> Option<&'t str> {
    text.strip_prefix(prefix).filter(|digits| digits.len() == count && is_hex(digits))
}

/// Stricter than `from_str_radix`, which takes a sign.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_engine::Lane;

    #[test]
    fn places_survive_their_text() {
        let place = Place { seq: Seq::new(u64::MAX), commit: Some(CommitId::new(7)) };
        for has_ended in [true, false] {
            let cursor = Cursor { place, has_ended };
            assert_eq!(Cursor::parse(&cursor.to_text()), Ok(cursor));
        }
        assert_eq!(Cursor::parse(&Cursor::START.to_text()), Ok(Cursor::START));
        let run = RunId::new(0, Lane(3), 9);
        let token = PageToken { submitted_at: Timestamp::from_millis(1 << 40), run };
        assert_eq!(parse_page(&page_text(&token)), Ok(Some(token)));
    }

    #[test]
    fn garbage_is_refused() {
        let place = Place { seq: Seq::new(5), commit: Some(CommitId::new(7)) };
        let good = Cursor { place, has_ended: false }.to_text();
        let bad = [
            good.replace("c1", "c2"),
            good.replacen("c10", "c12", 1),
            format!("{good}0"),
            good.replace("0000000000000005", "0000000000000000"),
            good.replace("0000000000000005", "+000000000000005"),
            "é".repeat(40),
            "x".to_owned(),
        ];
        for text in bad {
            assert_eq!(Cursor::parse(&text).unwrap_err().field, "cursor", "{text}");
            assert_eq!(parse_page(&text).unwrap_err().field, "page_token", "{text}");
        }
    }
}
