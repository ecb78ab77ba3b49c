//! Whether the worker really consumes: claims are answered, or, while every slot is taken and none
//! is made, heartbeats.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sortie_store::{Contact, StoreError, Working};
use tokio::sync::watch;
use tokio::time::Instant;

/// What is known of the store's answers.
pub(super) struct Pulse(Mutex<Known>);

struct Known {
    contact: Contact,
    /// Since when claims are made without an answer.
    claiming: Option<Instant>,
}

impl Pulse {
    pub(super) fn new() -> (Self, watch::Receiver<Working>) {
        let (contact, working) = Contact::new("worker");
        (Self(Mutex::new(Known { contact, claiming: None })), working)
    }

    /// No claim is made: heartbeats say whether the store answers.
    pub(super) fn rests(&self) {
        self.lock().claiming = None;
    }

    /// A claim is made: only its answer says that the worker consumes. The time by which it must have
    /// come; a claim that is broken off and made again does not get more of it.
    pub(super) fn claims(&self) -> Instant {
        *self.lock().claiming.get_or_insert_with(Instant::now) + Contact::PATIENCE
    }

    /// The claim was answered.
    pub(super) fn claimed(&self) {
        let mut known = self.lock();
        known.claiming = None;
        known.contact.answered();
    }

    /// The claim failed.
    pub(super) fn claim_failed(&self, error: &StoreError) {
        let mut known = self.lock();
        // Also between this claim and the next one heartbeats say nothing about claims.
        known.claiming = Some(Instant::now());
        known.contact.failed(error);
    }

    /// A heartbeat was answered.
    pub(super) fn held(&self) {
        let mut known = self.lock();
        if known.claiming.is_none() {
            known.contact.answered();
        }
    }

    /// Something else was not answered.
    pub(super) fn failed(&self, error: &StoreError) {
        self.lock().contact.failed(error);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is whole between any two answers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
