//! A newtype for every identifier, so that no two can be confused.
//!
//! ```compile_fail
//! use sortie_engine::{StepId, StepNumber};
//! let label = StepNumber::new(1);
//! let name: StepId = label; // the author's label is not the engine's name
//! ```
//!
//! ```compile_fail
//! use sortie_engine::{AttemptNumber, PlanVersion};
//! fn wants_attempt(_: AttemptNumber) {}
//! wants_attempt(PlanVersion::FIRST);
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The first one: counting starts at 1.
            pub const FIRST: Self = Self(1);

            /// Wraps a number that came from outside.
            #[must_use]
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The plain number, for wire formats and arithmetic.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }

            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that came from outside.
            #[must_use]
            pub fn new(value: &str) -> Self {
                Self(Arc::from(value))
            }

            /// The plain text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self::new(value)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! random {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Wraps 128 bits that the caller drew at random or read back.
            #[must_use]
            pub const fn new(bits: u128) -> Self {
                Self(bits)
            }

            /// The plain bits.
            #[must_use]
            pub const fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                if text.len() != 32 {
                    return Err(BadId { what: stringify!($name), text: clip(text) });
                }
                u128::from_str_radix(text, 16)
                    .map(Self)
                    .map_err(|_| BadId { what: stringify!($name), text: clip(text) })
            }
        }
    };
}

number! {
    /// The author's label for a step inside one plan version: what people and `{{3}}` use.
    StepNumber(u32)
}
number! {
    /// The engine's name for a step, never reused in a run: what queues, results and tools use.
    StepId(u32)
}
number! {
    /// One numbered graph of steps, the product of exactly one planner call.
    PlanVersion(u32)
}
number! {
    /// One try at a step by one worker, counted per step; or one call for an answer, per run.
    AttemptNumber(u32)
}
number! {
    /// How often a person asked for a step again; part of a step's idempotency key.
    Generation(u32)
}
number! {
    /// The place of an event in its run's history; the first event has 1, and there is no gap.
    Seq(u64)
}
name! {
    /// The name of a tool, as plans use it.
    ToolName
}
name! {
    /// Where ready steps of a set of tools wait.
    QueueName
}
name! {
    /// The client's name for something it asked of a run; the same id is carried out once.
    CommandId
}
name! {
    /// The name of one worker process, unique for each start.
    WorkerName
}
random! {
    /// The name of one durable change of a run.
    CommitId
}
random! {
    /// The name of a large result that lies outside the run's record.
    ResultId
}

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
}

/// A share of the runs; one coordinator at a time owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u8);

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

/// The name of a run. It carries the shard and the lane in which the run lives, for good.
///
/// As text: `r`, two hexadecimal digits each for shard and lane, then 32 for the unique part. The
/// unique part is a UUID of version 7, so names of one lane sort by time.
///
/// ```
/// use sortie_engine::{Lane, RunId};
/// let run = RunId::new(0, Lane(5), 7);
/// assert_eq!(run.to_string().parse::<RunId>(), Ok(run));
/// assert_eq!(run.lane(), Lane(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    shard: u8,
    lane: Lane,
    unique: u128,
}

impl RunId {
    /// Puts a name together; `unique` must be fresh.
    #[must_use]
    pub const fn new(shard: u8, lane: Lane, unique: u128) -> Self {
        Self { shard, lane, unique }
    }

    /// The shard in which the run lives.
    #[must_use]
    pub const fn shard(self) -> u8 {
        self.shard
    }

    /// The lane in which the run lives.
    #[must_use]
    pub const fn lane(self) -> Lane {
        self.lane
    }

    /// The unique part.
    #[must_use]
    pub const fn unique(self) -> u128 {
        self.unique
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{:02x}{}{:032x}", self.shard, self.lane, self.unique)
    }
}

impl FromStr for RunId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { what: "run id", text: clip(text) };
        let digits = text.strip_prefix('r').ok_or_else(bad)?;
        if digits.len() != 36 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let shard = u8::from_str_radix(&digits[..2], 16).map_err(|_| bad())?;
        let lane = u8::from_str_radix(&digits[2..4], 16).map_err(|_| bad())?;
        let unique = u128::from_str_radix(&digits[4..], 16).map_err(|_| bad())?;
        Ok(Self::new(shard, Lane(lane), unique))
    }
}

/// The key under which a tool may remember that it already did a step: the same for all attempts
/// of one generation.
#[must_use]
pub fn idempotency_key(run: RunId, step: StepId, generation: Generation) -> String {
    format!("{run}/{step}/{generation}")
}

/// Text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}")]
pub struct BadId {
    what: &'static str,
    text: String,
}

/// Enough of a bad identifier to recognise it, never a megabyte of it.
fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_survive_text_and_sort_by_time_within_a_lane() {
        let early = RunId::new(0, Lane(3), 10);
        let late = RunId::new(0, Lane(3), 11);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        for bad in ["", "r", "x0000", "r00zz", &"r".repeat(37), &"é".repeat(18)] {
            let refusal = bad.parse::<RunId>().expect_err(bad).to_string();
            assert!(refusal.contains("not a run id"), "{refusal}");
        }
        assert!("123".parse::<CommitId>().is_err());
    }

    #[test]
    fn the_idempotency_key_leaves_the_attempt_out() {
        let run = RunId::new(0, Lane(0), 1);
        let key = idempotency_key(run, StepId::new(4), Generation::FIRST);
        assert_eq!(key, format!("{run}/4/1"));
    }
}
