//! Inboxes: what waits for the engine, lane by lane. An item stays until a commit consumes it, so
//! reading takes nothing away and can begin anew.

use std::collections::VecDeque;

use sortie_engine::{Command, Lane, RunId};

use crate::embedded::bells::{Bell, Rings};
use crate::lanes::{InboxId, InboxItem};

/// The command for a run.
pub(super) type Mail = (RunId, Command);

/// The inboxes of all lanes.
pub(super) struct Inboxes(Vec<Inbox>);

impl Inboxes {
    pub(super) fn new(lanes: u8) -> Self {
        Self((0..lanes).map(|_| Inbox::default()).collect())
    }

    pub(super) fn get(&self, lane: Lane) -> Option<&Inbox> {
        self.0.get(usize::from(lane.0))
    }

    pub(super) fn get_mut(&mut self, lane: Lane) -> Option<&mut Inbox> {
        self.0.get_mut(usize::from(lane.0))
    }

    /// Puts a command into the inbox of its run's lane. Where there is no such lane there is no such
    /// run either, and nobody who would read it: the command is dropped.
    pub(super) fn send(&mut self, run: RunId, command: Command, rings: &mut Rings) {
        match self.get_mut(run.lane()) {
            Some(inbox) => inbox.push(run, command, rings),
            None => {
                tracing::warn!(%run, lane = %run.lane(), "command for a lane that is not there");
            }
        }
    }
}

/// The inbox of one lane: slots in the order of their ids, some of them emptied.
#[derive(Default)]
pub(super) struct Inbox {
    slots: VecDeque<Slot>,
    live: usize,
    last: u64,
    bell: Bell,
}

struct Slot {
    id: InboxId,
    mail: Option<Mail>,
}

impl Inbox {
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    fn push(&mut self, run: RunId, command: Command, rings: &mut Rings) {
        self.last += 1;
        self.live += 1;
        self.slots.push_back(Slot { id: InboxId(self.last), mail: Some((run, command)) });
        rings.wake_all(&self.bell);
    }

    /// The run that an item is for.
    pub(super) fn run_of(&self, id: InboxId) -> Option<RunId> {
        self.slots.get(self.find(id)?)?.mail.as_ref().map(|(run, _)| *run)
    }

    pub(super) fn remove(&mut self, id: InboxId) -> Option<Mail> {
        let place = self.find(id)?;
        let mail = self.slots[place].mail.take()?;
        self.live -= 1;
        self.tidy();
        Some(mail)
    }

    /// Adds at most `most` items behind `after` to `found`.
    pub(super) fn read(&self, after: InboxId, most: usize, found: &mut Vec<InboxItem>) {
        let start = self.slots.partition_point(|slot| slot.id <= after);
        let items = self.slots.range(start..).filter_map(|slot| {
            let (run, command) = slot.mail.as_ref()?;
            Some(InboxItem { id: slot.id, run: *run, command: command.clone() })
        });
        found.extend(items.take(most));
    }

    fn find(&self, id: InboxId) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    /// Emptied slots go when they come first, or when they are the greater part: one item that
    /// nobody consumes must not keep all that came after it. Constant cost for each removal, over
    /// time.
    fn tidy(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.mail.is_none()) {
            self.slots.pop_front();
        }
        if self.slots.len() > 2 * self.live + 64 {
            self.slots.retain(|slot| slot.mail.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::new(0, Lane(0), 1);

    fn inbox(items: usize) -> Inbox {
        let mut inbox = Inbox::default();
        (0..items).for_each(|_| inbox.push(RUN, Command::TimerDue, &mut Rings::default()));
        inbox
    }

    fn ids(inbox: &Inbox, after: u64, most: usize) -> Vec<u64> {
        let mut found = Vec::new();
        inbox.read(InboxId(after), most, &mut found);
        found.into_iter().map(|item| item.id.0).collect()
    }

    #[test]
    fn items_keep_their_ids_when_others_go() {
        let mut inbox = inbox(5);
        assert!(inbox.remove(InboxId(2)).is_some());
        assert!(inbox.remove(InboxId(2)).is_none());
        assert!(inbox.remove(InboxId(1)).is_some());
        assert_eq!(ids(&inbox, 0, 9), [3, 4, 5]);
        assert_eq!(ids(&inbox, 3, 1), [4]);
        assert_eq!(inbox.run_of(InboxId(4)), Some(RUN));
        assert_eq!(inbox.run_of(InboxId(1)), None);
    }

    #[test]
    fn one_item_that_stays_does_not_keep_the_slots_of_all_others() {
        let mut inbox = inbox(1);
        for id in 2..10_000 {
            inbox.push(RUN, Command::TimerDue, &mut Rings::default());
            inbox.remove(InboxId(id));
        }
        assert_eq!(ids(&inbox, 0, 9), [1]);
        assert!(inbox.slots.len() < 100, "{} slots for one item", inbox.slots.len());
    }
}
