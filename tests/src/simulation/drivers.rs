//! Coordinators of the story: the real driver, killed in the middle of whatever it does and
//! replaced after a while by one that knows nothing.

use std::sync::Arc;
use std::time::Duration;

use sortie_coordinator::{Driver, DriverOptions};
use sortie_engine::{CommitBudget, Lane};
use sortie_store::LaneOwner;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::planner::ScriptedPlanner;
use super::{LANE_LEASE, LANES, SILENCE, World};

/// Keeps one to three coordinators going until `over`.
pub(super) fn keep(
    world: &World,
    mut rng: fastrand::Rng,
    over: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let seats = TaskTracker::new();
    let planner = rng.u64(..);
    for seat in 0..rng.usize(1..4) {
        seats.spawn(sit(world.clone(), seat, planner, rng.fork(), over.clone()));
    }
    seats.close();
    async move { seats.wait().await }
}

/// One coordinator after the other.
async fn sit(
    world: World,
    seat: usize,
    planner: u64,
    mut rng: fastrand::Rng,
    over: CancellationToken,
) {
    let mut life = 0;
    while !over.is_cancelled() {
        life += 1;
        let store = world.faulty(rng.fork());
        let mut options = DriverOptions::new(
            LaneOwner(format!("c{seat}-{life}")),
            (0..LANES).map(Lane).collect(),
        );
        options.seed = rng.u64(..);
        options.lane_lease = LANE_LEASE;
        options.park = Duration::from_secs(rng.u64(..12));
        options.handover = Duration::from_secs(rng.u64(..4));
        options.model_calls = rng.usize(1..4);
        options.call_silence = SILENCE;
        options.budget = CommitBudget { writes: rng.usize(3..20), ..CommitBudget::RUN };
        let planner = Arc::new(ScriptedPlanner { seed: planner, world: world.clone() });
        let Ok((driver, handle)) =
            Driver::new(store.clone(), planner, world.tools(), options).await
        else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (stop, life_time) = (CancellationToken::new(), life_time(&mut rng));
        let mut task = tokio::spawn(driver.run(stop.clone()));
        let crash = async {
            tokio::time::sleep(Duration::from_millis(life_time)).await;
            if !world.faults.are_on() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = over.cancelled() => {
                stop.cancel();
                let _ = task.await;
                world.ledger.driver_died(*handle.counts.borrow());
            }
            ended = &mut task => {
                let why = ended.err().map(|error| error.to_string()).unwrap_or_default();
                world.ledger.violation(format!("a driver ended by itself: {why}"));
                return;
            }
            () = crash => {
                // Dead: what was sent arrives, what comes back is heard by nobody.
                world.faults.hit();
                store.kill();
                task.abort();
                let _ = task.await;
                world.ledger.driver_died(*handle.counts.borrow());
                tokio::time::sleep(Duration::from_millis(rng.u64(..4_000))).await;
            }
        }
    }
}

/// How long a coordinator lives, in milliseconds. Most die young; some see several sweeps.
fn life_time(rng: &mut fastrand::Rng) -> u64 {
    if rng.u8(..3) == 0 { rng.u64(15_000..60_000) } else { rng.u64(200..15_000) }
}
