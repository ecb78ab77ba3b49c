//! Which processes are there, with what they offer.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::notices::Presence;

#[derive(Default)]
pub(super) struct Attendance(BTreeMap<String, (Presence, Instant)>);

impl Attendance {
    pub(super) fn announce(&mut self, presence: Presence, ttl: Duration, now: Instant) {
        self.0.insert(presence.name.clone(), (presence, now + ttl));
    }

    pub(super) fn retire(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Those who are there; the others are forgotten.
    pub(super) fn present(&mut self, now: Instant) -> Vec<Presence> {
        self.0.retain(|_, (_, until)| *until > now);
        self.0.values().map(|(presence, _)| presence.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::Service;

    #[tokio::test(start_paused = true)]
    async fn a_process_is_there_until_it_retires_or_falls_silent() {
        let (mut attendance, now) = (Attendance::default(), Instant::now());
        let ttl = Duration::from_secs(3);
        for name in ["a", "b"] {
            let presence = Presence {
                name: name.to_owned(),
                service: Service::Worker,
                queues: vec![],
                tools: vec![],
            };
            attendance.announce(presence, ttl, now);
        }
        attendance.retire("a");
        let names: Vec<_> = attendance.present(now).into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["b"]);
        assert_eq!(attendance.present(now + ttl), []);
    }
}
