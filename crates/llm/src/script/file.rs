//! The file of a script.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, IntoDeserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::chat::{Purpose, Request, StopReason};
use crate::error::ErrorKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    reply: Vec<Reply>,
}

/// One reply.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    #[serde(default)]
    purpose: OneOrMore<PurposeName>,
    #[serde(default)]
    contains: OneOrMore<String>,
    pub(super) times: Option<u32>,
    #[serde(default)]
    pub(super) text: String,
    pub(super) chunk: Option<std::num::NonZeroUsize>,
    #[serde(default)]
    pub(super) pause: Pause,
    #[serde(default)]
    pub(super) first_pause: Pause,
    #[serde(default)]
    pub(super) stop: Stop,
    #[serde(default)]
    pub(super) input_tokens: u64,
    #[serde(default)]
    pub(super) output_tokens: u64,
    pub(super) error: Option<Fault>,
    #[serde(default)]
    pub(super) cut: bool,
}

/// An error instead of an end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) message: Option<String>,
    pub(super) retry_after: Option<Pause>,
    /// Letters of the text that come before it.
    pub(super) after: Option<usize>,
}

impl Reply {
    /// Whether it is meant for this call.
    pub(super) fn fits(&self, request: &Request) -> bool {
        let purposes = &self.purpose.0;
        let holds = |part: &String| request.system.contains(part) || request.user.contains(part);
        (purposes.is_empty() || purposes.iter().any(|it| it.0 == request.purpose))
            && self.contains.0.iter().all(holds)
    }
}

/// Reads a file; what is wrong is said with its line.
pub(super) fn read(text: &str) -> Result<Vec<Reply>, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        format!("line {line}: {}", error.message().replace('\n', " "))
    })?;
    if file.reply.is_empty() {
        return Err("line 1: it has no [[reply]]".to_owned());
    }
    Ok(file.reply)
}

/// A list, or the only thing in it.
struct OneOrMore<T>(Vec<T>);

impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// By hand: an untagged enum forgets what was wrong inside.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(vec![T::deserialize(text.into_deserializer())?])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(all)
            }
        }

        from.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct PurposeName(Purpose);

impl TryFrom<String> for PurposeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let named = named("purpose", &Purpose::ALL.map(|it| (it.as_str(), it)), &text);
        named.map(Self)
    }
}

/// A kind of error by its name.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Kind(pub(super) ErrorKind);

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        named("kind of error", &ErrorKind::ALL.map(|it| (it.as_str(), it)), &text).map(Self)
    }
}

/// Why it stops, by its name.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Stop(pub(super) StopReason);

impl Default for Stop {
    fn default() -> Self {
        Self(StopReason::Complete)
    }
}

impl TryFrom<String> for Stop {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let reasons = [
            ("complete", StopReason::Complete),
            ("length", StopReason::Length),
            ("filtered", StopReason::Filtered),
        ];
        named("reason to stop", &reasons, &text).map(Self)
    }
}

/// A time as people write it: `50ms`, `2s`, `1m`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pause(pub(super) Duration);

impl TryFrom<String> for Pause {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bad = || format!("`{text}` is no time: write 50ms, 2s or 1m");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => return Err(bad()),
        };
        let number: u64 = number.parse().map_err(|_| bad())?;
        number.checked_mul(millis).map(Duration::from_millis).map(Self).ok_or_else(bad)
    }
}

fn named<T: Copy>(what: &str, all: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = all.iter().find(|(name, _)| *name == text).map(|(_, it)| *it);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        format!("no {what} is called `{text}`: there are {}", names.join(", "))
    })
}
