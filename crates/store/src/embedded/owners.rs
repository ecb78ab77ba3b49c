//! Who owns which lane, and until when.

use std::time::Duration;

use sortie_engine::Lane;
use tokio::time::Instant;

use crate::lanes::LaneOwner;

pub(super) struct Owners(Vec<Option<(LaneOwner, Instant)>>);

impl Owners {
    pub(super) fn new(lanes: u8) -> Self {
        Self(vec![None; usize::from(lanes)])
    }

    /// Takes or keeps lanes; answers all that `owner` owns then.
    pub(super) fn own(
        &mut self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
        now: Instant,
    ) -> Vec<Lane> {
        for lane in wanted {
            let Some(place) = self.0.get_mut(usize::from(lane.0)) else { continue };
            let taken = place.as_ref().is_some_and(|(other, until)| other != owner && *until > now);
            if !taken {
                *place = Some((owner.clone(), now + lease));
            }
        }
        let owned = |(who, until): &(LaneOwner, Instant)| who == owner && *until > now;
        (0..=u8::MAX)
            .zip(&self.0)
            .filter(|(_, place)| place.as_ref().is_some_and(owned))
            .map(|(lane, _)| Lane(lane))
            .collect()
    }

    pub(super) fn disown(&mut self, owner: &LaneOwner, lanes: &[Lane]) {
        for lane in lanes {
            let Some(place) = self.0.get_mut(usize::from(lane.0)) else { continue };
            if place.as_ref().is_some_and(|(who, _)| who == owner) {
                *place = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lane_has_one_owner_until_the_lease_ends() {
        let (mut owners, now) = (Owners::new(2), Instant::now());
        let (a, b) = (LaneOwner("a".to_owned()), LaneOwner("b".to_owned()));
        let lease = Duration::from_secs(3);
        assert_eq!(owners.own(&a, &[Lane(1), Lane(9)], lease, now), [Lane(1)]);
        assert_eq!(owners.own(&b, &[Lane(0), Lane(1)], lease, now), [Lane(0)]);
        assert_eq!(owners.own(&b, &[Lane(1)], lease, now + lease), [Lane(1)]);
        owners.disown(&a, &[Lane(1)]);
        assert_eq!(owners.own(&a, &[Lane(1)], lease, now + lease), []);
    }
}
