//! How waiting calls wake up: a bell for each queue and each lane, rung after the lock is released.
//!
//! A queue's bell wakes **one** claim for each push, however many entries were pushed; a claim that
//! leaves entries behind rings on. So a push wakes as many claims as find something, and no herd.
//! A ring that reaches a claim which is dropped goes to the next one (tokio's `Notify` promises
//! it). A lane's bell wakes **all** its readers, since reading takes nothing away.
//!
//! No wakeup is lost: a call picks up its ears first, then looks, then waits. What is rung between
//! reaches it: `Notify` keeps a ring for one until somebody takes it, and a ring for all counts for
//! every ear that was there.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::timeout;

use crate::error::StoreError;

pub(super) type Bell = Arc<Notify>;

/// Bells to ring once the lock is released; each once, however often it was added.
#[derive(Default)]
pub(super) struct Rings {
    one: Vec<Bell>,
    all: Vec<Bell>,
}

impl Rings {
    /// One of those who listen is to wake.
    pub(super) fn wake_one(&mut self, bell: &Bell) {
        add(&mut self.one, bell);
    }

    /// All who listen are to wake.
    pub(super) fn wake_all(&mut self, bell: &Bell) {
        add(&mut self.all, bell);
    }

    pub(super) fn ring(self) {
        self.one.iter().for_each(|bell| bell.notify_one());
        self.all.iter().for_each(|bell| bell.notify_waiters());
    }
}

fn add(bells: &mut Vec<Bell>, bell: &Bell) {
    if !bells.iter().any(|known| Arc::ptr_eq(known, bell)) {
        bells.push(bell.clone());
    }
}

/// The first thing that `look` finds, tried whenever a bell rings; nothing after `wait`.
pub(super) async fn first<T>(
    bells: &[Bell],
    wait: Duration,
    mut look: impl FnMut() -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let listening = async {
        loop {
            let mut ears: Vec<_> = bells.iter().map(|bell| Box::pin(bell.notified())).collect();
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            any(&mut ears).await;
        }
    };
    timeout(wait, listening).await.unwrap_or(Ok(None))
}

async fn any(ears: &mut [Pin<Box<Notified<'_>>>]) {
    poll_fn(|context| {
        let heard = ears.iter_mut().any(|ear| ear.as_mut().poll(context).is_ready());
        if heard { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ring_between_two_looks_is_heard() {
        let bells = [Bell::default(), Bell::default()];
        let mut looks = 0;
        let found = first(&bells, Duration::from_secs(1), || {
            looks += 1;
            if looks == 1 {
                bells[1].notify_one();
            }
            Ok((looks == 2).then_some(looks))
        });
        assert_eq!(found.await, Ok(Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_ring_the_wait_ends() {
        let found = first::<()>(&[Bell::default()], Duration::from_secs(5), || Ok(None)).await;
        assert_eq!(found, Ok(None));
    }
}
