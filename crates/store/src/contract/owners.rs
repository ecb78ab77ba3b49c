//! Owning lanes: one coordinator at a time, as long as it says so.

use std::time::Duration;

use sortie_engine::Lane;

use super::Harness;
use super::scene::Scene;
use crate::LaneOwner;

const LEASE: Duration = Duration::from_secs(3);
const LANES: [Lane; 2] = [Lane(0), Lane(1)];

async fn own(scene: &Scene, name: &str, wanted: &[Lane]) -> Vec<Lane> {
    let owner = LaneOwner(name.to_owned());
    let mut owned = scene.store.own(&owner, wanted, LEASE).await.expect("own lanes");
    owned.sort_unstable();
    owned
}

pub async fn a_lane_has_one_owner(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    assert!(scene.store.lane_count() >= 2);
    assert_eq!(own(&scene, "a", &LANES[..1]).await, LANES[..1]);
    assert_eq!(own(&scene, "b", &LANES).await, LANES[1..]);
    assert_eq!(own(&scene, "a", &LANES).await, LANES[..1]);
}

pub async fn an_owner_is_told_of_all_its_lanes(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    own(&scene, "a", &LANES[..1]).await;
    assert_eq!(own(&scene, "a", &LANES[1..]).await, LANES);
    assert_eq!(own(&scene, "a", &[]).await, LANES);
    assert_eq!(own(&scene, "b", &[]).await, []);
}

pub async fn renewing_keeps_a_lane(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for _ in 0..4 {
        assert_eq!(own(&scene, "a", &LANES).await, LANES);
        if harness.shift_time(LEASE * 2 / 3).await.lacks("shift time") {
            return;
        }
        assert_eq!(own(&scene, "b", &LANES).await, []);
    }
}

pub async fn a_silent_owner_loses_its_lanes(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    own(&scene, "a", &LANES).await;
    if harness.shift_time(LEASE).await.lacks("shift time") {
        return;
    }
    assert_eq!(own(&scene, "a", &[]).await, []);
    assert_eq!(own(&scene, "b", &LANES[..1]).await, LANES[..1]);
    assert_eq!(own(&scene, "a", &LANES).await, LANES[1..]);
}

pub async fn a_lane_that_is_given_up_is_free_at_once(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    own(&scene, "a", &LANES).await;
    let a = LaneOwner("a".to_owned());
    scene.store.disown(&a, &LANES[1..]).await.expect("disown lanes");
    assert_eq!(own(&scene, "b", &LANES).await, LANES[1..]);
    assert_eq!(own(&scene, "a", &[]).await, LANES[..1]);
}

pub async fn nobody_gives_up_the_lane_of_another(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    own(&scene, "a", &LANES).await;
    let b = LaneOwner("b".to_owned());
    scene.store.disown(&b, &LANES).await.expect("disown lanes");
    assert_eq!(own(&scene, "b", &LANES).await, []);
}

pub async fn a_lane_that_is_not_there_is_never_owned(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    assert_eq!(own(&scene, "a", &[Lane(0), Lane(255)]).await, LANES[..1]);
}
