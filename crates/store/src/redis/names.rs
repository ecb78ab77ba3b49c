//! How things are called in Redis: the few keys that Rust itself touches, and how names of stream
//! entries travel inside the numbers that the traits speak of.
//!
//! A stream names its entries by the millisecond in which they were added and a place within it.
//! That fits into 64 bits, which an [`InboxId`] is; a [`Token`] has the number of the queue and some
//! of the store's id in front of it, so that it is good for that store alone. Names made of the time
//! are never given twice, not even by a Redis that was set back to an earlier state.

use std::fmt;

use sortie_engine::{Lane, QueueName};

use crate::lanes::InboxId;
use crate::queue::Token;

/// Stands in front of every key, so that all keys of a shard live together: there is one for now.
const PREFIX: &str = "{s0}:";
/// Bits of an entry's name for the place within a millisecond; the functions keep to it.
const PLACE_BITS: u32 = 20;
const PLACE_MOST: u64 = (1 << PLACE_BITS) - 1;
/// Milliseconds that fit beside it: until the year 2527.
const MS_MOST: u64 = (1 << 44) - 1;

pub(super) fn meta() -> String {
    format!("{PREFIX}meta")
}

pub(super) fn ready(queue: &QueueName) -> String {
    format!("{PREFIX}ready:{queue}")
}

pub(super) fn inbox(lane: Lane) -> String {
    format!("{PREFIX}inbox:{}", lane.0)
}

/// The lane of an inbox's key.
pub(super) fn lane_of_inbox(key: &str) -> Option<Lane> {
    key.strip_prefix(PREFIX)?.strip_prefix("inbox:")?.parse().ok().map(Lane)
}

pub(super) fn signals(lane: Lane) -> String {
    format!("{PREFIX}signals:{}", lane.0)
}

pub(super) fn recalls() -> String {
    format!("{PREFIX}recalls")
}

/// The name of a stream's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryName(u64);

impl EntryName {
    /// Reads a name as Redis writes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ms, place) = text.split_once('-')?;
        let (ms, place) = (ms.parse::<u64>().ok()?, place.parse::<u64>().ok()?);
        (ms <= MS_MOST && place <= PLACE_MOST).then_some(Self(ms << PLACE_BITS | place))
    }

    pub(super) const fn inbox_id(self) -> InboxId {
        InboxId(self.0)
    }

    pub(super) const fn of_inbox(id: InboxId) -> Self {
        Self(id.0)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0 >> PLACE_BITS, self.0 & PLACE_MOST)
    }
}

/// A store's identity: drawn at random when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreId {
    text: String,
    mark: u64,
}

/// Bits of a token that tell its store.
const MARK_BITS: u32 = 48;

impl StoreId {
    pub(super) fn new(text: String) -> Self {
        let mark = super::library::fingerprint(text.as_bytes()) >> (64 - MARK_BITS);
        Self { text, mark }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn token(&self, queue: u16, entry: EntryName) -> Token {
        let front = u64::from(queue) << MARK_BITS | self.mark;
        Token(u128::from(front) << 64 | u128::from(entry.0))
    }

    /// The queue's number and the entry's name, if the token is of this store.
    pub(super) fn read(&self, token: Token) -> Option<(u16, EntryName)> {
        let (front, back) = ((token.0 >> 64) as u64, token.0 as u64);
        let is_ours = front & ((1 << MARK_BITS) - 1) == self.mark;
        let queue = u16::try_from(front >> MARK_BITS).ok()?;
        is_ours.then_some((queue, EntryName(back)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_survive_and_sort_by_time() {
        let early = EntryName::parse("1764387000000-7").expect("a name");
        let late = EntryName::parse("1764387000001-0").expect("a name");
        assert_eq!(early.to_string(), "1764387000000-7");
        assert!(early.inbox_id() < late.inbox_id());
        assert_eq!(EntryName::of_inbox(late.inbox_id()), late);
        for bad in ["", "1", "1-", "x-1", "1-1048576", "99999999999999-0-0", "-1-0"] {
            assert_eq!(EntryName::parse(bad), None, "{bad}");
        }
        assert_eq!(EntryName::of_inbox(InboxId(0)).to_string(), "0-0");
    }

    #[test]
    fn a_token_is_good_for_its_store_only() {
        let (ours, other) = (StoreId::new("a".to_owned()), StoreId::new("b".to_owned()));
        let entry = EntryName::parse("1764387000000-1048575").expect("a name");
        let token = ours.token(65_535, entry);
        assert_eq!(ours.read(token), Some((65_535, entry)));
        assert_eq!(other.read(token), None);
        assert_eq!(ours.read(Token(7)), None);
    }

    #[test]
    fn an_inbox_key_tells_its_lane() {
        assert_eq!(lane_of_inbox(&inbox(Lane(15))), Some(Lane(15)));
        assert_eq!(lane_of_inbox("{s0}:inbox:x"), None);
        assert_eq!(lane_of_inbox("inbox:1"), None);
    }
}
