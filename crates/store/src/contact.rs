//! Whether a part of a process really works with its store: what readiness and the log say of it.
//!
//! ```text
//!            no answer for 5 s, or unfit
//!   Yes ────────────────────────────────────────> No { since, why }
//!    ^                  an answer                       │
//!    └──────────────────────────────────────────────────┘
//! ```
//!
//! Both turns are logged once, with the part that they concern.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::StoreError;

/// Whether a part of a process works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Working {
    /// The store answers it.
    Yes,
    /// The store does not answer it, or must not be used.
    No {
        /// When it was answered last.
        since: Instant,
        /// What is wrong, and what can be done if that is known.
        why: String,
    },
}

impl Working {
    /// Whether it works.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Why it does not work, if it does not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Yes => None,
            Self::No { why, .. } => Some(why.clone()),
        }
    }
}

/// Keeps what is known of the store's answers to one part of a process.
#[derive(Debug)]
pub struct Contact {
    /// Who asks, for the log.
    part: &'static str,
    answered: Instant,
    told: watch::Sender<Working>,
}

impl Contact {
    /// Whoever has had no answer for so long does not work.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// A part that the store has just answered.
    #[must_use]
    pub fn new(part: &'static str) -> (Self, watch::Receiver<Working>) {
        let (told, working) = watch::channel(Working::Yes);
        (Self { part, answered: Instant::now(), told }, working)
    }

    /// Whether the store answers, as far as is known.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.told.borrow().is_well()
    }

    /// The store answered.
    pub fn answered(&mut self) {
        self.answered = Instant::now();
        let was_ill = self.told.send_if_modified(|working| {
            let was_ill = !working.is_well();
            *working = Working::Yes;
            was_ill
        });
        if was_ill {
            tracing::warn!(part = self.part, "the store answers again");
        }
    }

    /// The store did not answer as it should. It counts after [`Self::PATIENCE`] without an answer, and at
    /// once where the store says itself that it must not be used.
    pub fn failed(&mut self, error: &StoreError) {
        let is_unfit = matches!(error, StoreError::Unfit { .. });
        if !is_unfit && self.answered.elapsed() < Self::PATIENCE {
            tracing::debug!(part = self.part, %error, "the store gave no answer");
            return;
        }
        let (since, why) = (self.answered, error.to_string());
        let is_new = self.told.send_if_modified(|working| {
            let was_well = working.is_well();
            let is_told = matches!(working, Working::No { why: told, .. } if *told == why);
            if !is_told {
                *working = Working::No { since, why };
            }
            was_well
        });
        if is_new {
            tracing::error!(part = self.part, %error, "nothing works until the store does");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: StoreError = StoreError::Unavailable { action: "ask" };

    #[tokio::test(start_paused = true)]
    async fn silence_counts_after_a_while_and_an_answer_ends_it() {
        let (mut contact, working) = Contact::new("test");
        contact.failed(&SILENT);
        assert!(working.borrow().is_well());
        let since = Instant::now();
        tokio::time::advance(Contact::PATIENCE).await;
        contact.failed(&SILENT);
        assert_eq!(*working.borrow(), Working::No { since, why: SILENT.to_string() });
        contact.answered();
        assert!(working.borrow().is_well());
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_calls_itself_unfit_is_believed_at_once() {
        let (mut contact, working) = Contact::new("test");
        let unfit = StoreError::Unfit { action: "ask", problem: "it was emptied".to_owned() };
        contact.failed(&unfit);
        assert!(
            matches!(&*working.borrow(), Working::No { why, .. } if why.contains("it was emptied"))
        );
    }
}
