//! How the lanes are shared: a pure function of who is there and of what is one's own.
//!
//! Each of `n` coordinators is due `lanes / n` lanes, and the first `lanes % n` of them by name one
//! more. Nobody knows what the others own, and nobody has to: whoever has more than its due gives
//! lanes up, whoever has less tries lanes that are not its own until it has enough, and the store
//! hands out a free lane once. What is due depends only on who is there, so where nobody comes or
//! goes nothing moves.

use std::collections::{BTreeMap, BTreeSet};

use sortie_engine::Lane;

/// What a coordinator should do about its lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Share {
    /// Lanes that it should own beside its own.
    pub(super) missing: usize,
    /// Lanes that it should own no longer.
    pub(super) surplus: usize,
    /// Lanes to try where some are missing, each coordinator from another place on, so that those
    /// who try at the same time seldom meet.
    pub(super) wanted: Vec<Lane>,
}

impl Share {
    /// The share of `me`, who is there whether or not `live` says so.
    pub(super) fn of(
        lanes: &[Lane],
        owned: &BTreeSet<Lane>,
        live: &BTreeSet<String>,
        me: &str,
    ) -> Self {
        let before_me = live.iter().filter(|name| name.as_str() < me).count();
        let others = live.iter().filter(|name| name.as_str() != me).count();
        let there = others + 1;
        let due = lanes.len() / there + usize::from(before_me < lanes.len() % there);
        let (missing, surplus) = (due.saturating_sub(owned.len()), owned.len().saturating_sub(due));
        let from = before_me * lanes.len() / there;
        let wanted = if missing == 0 {
            Vec::new()
        } else {
            let in_turn = lanes[from..].iter().chain(&lanes[..from]);
            in_turn.filter(|lane| !owned.contains(lane)).copied().collect()
        };
        Self { missing, surplus, wanted }
    }
}

/// Which lanes to give up: those that are on their way out already, then those with the fewest open
/// model calls, for whoever gets the lane must buy them again.
pub(super) fn spare(
    calls: &BTreeMap<Lane, usize>,
    leaving: &BTreeSet<Lane>,
    surplus: usize,
) -> Vec<Lane> {
    let mut lanes: Vec<_> = calls.iter().collect();
    lanes.sort_by_key(|(lane, calls)| (!leaving.contains(lane), **calls, **lane));
    lanes.into_iter().take(surplus).map(|(lane, _)| *lane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<Lane> {
        numbers.into_iter().map(Lane).collect()
    }

    fn names(there: &[&str]) -> BTreeSet<String> {
        there.iter().map(|name| (*name).to_owned()).collect()
    }

    fn share(count: u8, owned: u8, there: &[&str], me: &str) -> Share {
        let all: Vec<_> = (0..count).map(Lane).collect();
        Share::of(&all, &lanes(0..owned), &names(there), me)
    }

    #[test]
    fn each_coordinator_is_due_its_part_and_the_first_by_name_the_rest() {
        for (count, owned, there, me, missing, surplus) in [
            (16, 0, &["a"][..], "a", 16, 0),
            (16, 0, &[], "a", 16, 0),
            (16, 16, &["a"], "a", 0, 0),
            (16, 16, &["a", "b"], "a", 0, 8),
            (16, 0, &["a", "b"], "b", 8, 0),
            (16, 8, &["a", "b", "c"], "a", 0, 2),
            (16, 8, &["a", "b", "c"], "b", 0, 3),
            (16, 0, &["a", "b", "c"], "c", 5, 0),
            (16, 5, &["b", "c"], "c", 3, 0),
            // Not known to be there, and there all the same.
            (16, 0, &["a", "b"], "c", 5, 0),
            (2, 0, &["a", "b", "c"], "c", 0, 0),
            (2, 1, &["a", "b", "c"], "c", 0, 1),
            (0, 0, &["a"], "a", 0, 0),
        ] {
            let found = share(count, owned, there, me);
            assert_eq!((found.missing, found.surplus), (missing, surplus), "{there:?} {me}");
        }
    }

    #[test]
    fn all_lanes_are_due_to_somebody_and_nobody_has_two_more_than_another() {
        let there: Vec<_> = (0..20).map(|n| format!("c{n:02}")).collect();
        for count in 0..=20 {
            for live in 1..=there.len() {
                let live: Vec<_> = there[..live].iter().map(String::as_str).collect();
                let due: Vec<_> =
                    live.iter().map(|me| share(count, 0, &live, me).missing).collect();
                assert_eq!(due.iter().sum::<usize>(), usize::from(count));
                let (most, least) = (due.iter().max().unwrap(), due.iter().min().unwrap());
                assert!(most - least <= 1, "{count} lanes: {due:?}");
            }
        }
    }

    #[test]
    fn who_looks_for_lanes_begins_at_a_place_of_its_own_and_tries_all_that_are_not_its_own() {
        let (a, b) = (share(4, 0, &["a", "b"], "a"), share(4, 1, &["a", "b"], "b"));
        assert_eq!(a.wanted, [0, 1, 2, 3].map(Lane));
        assert_eq!(b.wanted, [2, 3, 1].map(Lane));
        assert!(share(4, 2, &["a", "b"], "a").wanted.is_empty());
    }

    #[test]
    fn lanes_without_model_calls_are_given_up_first_and_the_choice_stays() {
        let calls = BTreeMap::from([(Lane(0), 2), (Lane(1), 0), (Lane(2), 1), (Lane(3), 0)]);
        assert_eq!(spare(&calls, &lanes([]), 3), [1, 3, 2].map(Lane));
        assert_eq!(spare(&calls, &lanes([0]), 2), [0, 1].map(Lane));
        assert!(spare(&calls, &lanes([0]), 0).is_empty());
    }

    /// Coordinators that come, go and renew in any order: everything ends with everybody having its
    /// due, and then nothing moves.
    #[test]
    fn sharing_settles_and_then_nothing_moves() {
        let mut random = fastrand::Rng::with_seed(7);
        let all: Vec<_> = (0..16).map(Lane).collect();
        let mut owners: BTreeMap<Lane, String> = BTreeMap::new();
        let mut live = names(&["c0"]);
        for arrival in 1..60 {
            if live.len() > 1 && random.bool() {
                let gone = live.iter().nth(random.usize(..live.len())).unwrap().clone();
                live.remove(&gone);
                owners.retain(|_, owner| *owner != gone);
            } else {
                live.insert(format!("c{}", random.u32(..1000) * 100 + arrival));
            }
            let mut moved = Vec::new();
            for _ in 0..3 {
                moved.push(round(&all, &mut owners, &live));
            }
            assert_eq!(moved.last(), Some(&0), "{moved:?}");
            assert_eq!(owners.len(), all.len());
        }
    }

    /// Everybody renews once; how many lanes changed hands.
    fn round(all: &[Lane], owners: &mut BTreeMap<Lane, String>, live: &BTreeSet<String>) -> usize {
        let mut moved = 0;
        for me in live {
            let owned: BTreeSet<_> =
                owners.iter().filter(|(_, owner)| *owner == me).map(|(lane, _)| *lane).collect();
            let share = Share::of(all, &owned, live, me);
            let free = share.wanted.iter().filter(|lane| !owners.contains_key(lane));
            let taken: Vec<_> = free.take(share.missing).copied().collect();
            moved += taken.len() + share.surplus;
            owners.extend(taken.into_iter().map(|lane| (lane, me.clone())));
            let calls = owned.iter().map(|lane| (*lane, 0)).collect();
            for lane in spare(&calls, &BTreeSet::new(), share.surplus) {
                owners.remove(&lane);
            }
        }
        moved
    }
}
