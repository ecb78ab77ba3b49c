//! The hub and its watchers over a real store: nothing missed, nothing twice, nothing left behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use sortie_engine::{
    AttemptNumber, CommandId, CommitId, Event, Lane, RunId, Seq, StepId, StepNumber, Timestamp,
    WorkerName,
};
use sortie_store::{Embedded, EmbeddedOptions, Notices as _, Signal};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{News, Place, WatchError, WatchHub, WatchOptions, Watcher, Watches};
use crate::testing::{Probe, Scribe};

const RUN: RunId = RunId::new(0, Lane(1), 7);

struct Scene {
    store: Arc<Probe>,
    watches: Watches,
    scribe: Scribe,
    _stop: DropGuard,
}

impl Scene {
    async fn new(options: WatchOptions) -> Self {
        let store = Probe::new(EmbeddedOptions::default());
        let scribe = Scribe::submit(store.clone(), RUN).await;
        Self::over(store, scribe, options)
    }

    fn over(store: Arc<Probe>, scribe: Scribe, options: WatchOptions) -> Self {
        let (hub, watches) = WatchHub::new(store.clone(), options);
        let shutdown = CancellationToken::new();
        tokio::spawn(hub.run(shutdown.clone()));
        Self { store, watches, scribe, _stop: shutdown.drop_guard() }
    }

    async fn watch(&self, place: Place) -> Watcher {
        self.watches.join(RUN, place).await.unwrap()
    }

    fn loads(&self) -> usize {
        self.store.loads.load(Ordering::Relaxed)
    }
}

/// Places of the next events, until there are so many.
async fn next_places(watcher: &mut Watcher, count: usize) -> Vec<Place> {
    let mut places = Vec::new();
    while places.len() < count {
        if let News::Events(batch) = watcher.next().await.unwrap() {
            let commit = Some(batch.commit);
            places.extend(batch.events().iter().map(|e| Place { seq: e.seq, commit }));
        }
    }
    places
}

fn seqs(places: &[Place]) -> Vec<u64> {
    places.iter().map(|place| place.seq.get()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_reading_serves_all_watchers() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    let mut watchers = Vec::new();
    for _ in 0..50 {
        watchers.push(scene.watch(Place::START).await);
    }
    scene.scribe.plan().await;
    for watcher in &mut watchers {
        assert_eq!(seqs(&next_places(watcher, 6).await), [1, 2, 3, 4, 5, 6]);
    }
    // One at the start, and one for each of five commits at most.
    assert!((1..=6).contains(&scene.loads()), "{}", scene.loads());
}

#[tokio::test(start_paused = true)]
async fn a_cut_watch_goes_on_from_any_place_without_gap_or_repeat() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    scene.scribe.plan().await;
    scene.scribe.succeed(1, json!(1)).await;
    let all = next_places(&mut scene.watch(Place::START).await, 8).await;
    for cut in 0..all.len() {
        let mut again = scene.watch(all[cut]).await;
        assert_eq!(next_places(&mut again, all.len() - cut - 1).await, all[cut + 1..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_reads_the_log_by_itself_and_holds_nobody_up() {
    let options = WatchOptions { tail_bytes: 1, ..WatchOptions::default() };
    let mut scene = Scene::new(options).await;
    let mut slow = scene.watch(Place::START).await;
    let mut quick = scene.watch(Place::START).await;
    let mut seen = next_places(&mut quick, 1).await;
    scene.scribe.plan().await;
    for number in 1..=3 {
        scene.scribe.succeed(number, json!("x".repeat(200))).await;
        seen.extend(next_places(&mut quick, 2).await);
    }
    seen.extend(next_places(&mut quick, 12 - seen.len()).await);
    let before = scene.loads();
    assert_eq!(next_places(&mut slow, 12).await, seen);
    assert_eq!(scene.loads(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_signal_costs_two_seconds_and_no_event() {
    let store = Probe::new(EmbeddedOptions::default());
    store.is_deaf.store(true, Ordering::Relaxed);
    let scribe = Scribe::submit(store.clone(), RUN).await;
    let mut scene = Scene::over(store, scribe, WatchOptions::default());
    let mut watcher = scene.watch(Place::START).await;
    assert_eq!(seqs(&next_places(&mut watcher, 1).await), [1]);
    scene.scribe.plan().await;
    let begun = tokio::time::Instant::now();
    assert_eq!(seqs(&next_places(&mut watcher, 5).await), [2, 3, 4, 5, 6]);
    assert!(begun.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_not_in_the_log_diverges() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    scene.scribe.plan().await;
    let other = Some(CommitId::new(1));
    for seq in [1, 3, 6, 7, 500] {
        let mut watcher = scene.watch(Place { seq: Seq::new(seq), commit: other }).await;
        assert_eq!(watcher.next().await, Ok(News::Diverged), "{seq}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lost_its_memory_is_noticed_by_who_watches() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    scene.scribe.plan().await;
    let mut watcher = scene.watch(Place::START).await;
    next_places(&mut watcher, 6).await;
    let other = Embedded::new(EmbeddedOptions::default());
    let mut scribe = Scribe::submit(other.clone(), RUN).await;
    scene.store.swap(other);
    assert_eq!(watcher.next().await, Ok(News::Diverged));
    watcher.jump(Place::START);
    scribe.plan().await;
    assert_eq!(seqs(&next_places(&mut watcher, 6).await), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn another_history_is_noticed_even_where_it_is_longer() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    scene.scribe.plan().await;
    let mut watcher = scene.watch(Place::START).await;
    next_places(&mut watcher, 6).await;
    let other = Embedded::new(EmbeddedOptions::default());
    let mut scribe = Scribe::submit(other.clone(), RUN).await;
    scribe.plan().await;
    scribe.succeed(1, json!(1)).await;
    scene.store.swap(other);
    assert_eq!(watcher.next().await, Ok(News::Diverged));
}

#[tokio::test(start_paused = true)]
async fn what_is_live_is_heard_and_the_late_get_the_text_so_far() {
    let mut scene = Scene::new(WatchOptions::default()).await;
    let mut early = scene.watch(Place::START).await;
    next_places(&mut early, 1).await;
    let attempt = AttemptNumber::FIRST;
    let text =
        |offset, text: &str| Signal::AnswerText { run: RUN, attempt, offset, text: text.into() };
    let started = Signal::AttemptStarted {
        run: RUN,
        step: StepId::new(1),
        number: StepNumber::new(1),
        attempt,
        worker: WorkerName::new("w"),
        at: Timestamp::from_millis(9),
    };
    scene.store.publish(vec![started, text(0, "Hel"), text(0, "Hello")]).await.unwrap();
    assert!(matches!(early.next().await, Ok(News::Attempt(_))));
    let mut heard = String::new();
    while heard.len() < 5 {
        let Ok(News::Text(more)) = early.next().await else { panic!("only text was said") };
        assert_eq!(more.offset, heard.len() as u64);
        heard.push_str(&more.text);
    }
    assert_eq!(heard, "Hello");
    let mut late = scene.watch(Place::START).await;
    next_places(&mut late, 1).await;
    let Ok(News::Text(so_far)) = late.next().await else { panic!("text comes after the events") };
    assert_eq!((so_far.offset, so_far.text.as_str()), (0, "Hello"));
    scene.scribe.answer("Hello.").await;
    next_places(&mut late, 1).await;
    let mut after = scene.watch(Place::START).await;
    next_places(&mut after, 2).await;
    // The text is gone with the end: the next thing is the next event.
    let refused = Event::CommandRefused { command: CommandId::new("c"), message: String::new() };
    scene.scribe.write(vec![refused]).await;
    assert!(matches!(after.next().await, Ok(News::Events(_))));
}

#[tokio::test(start_paused = true)]
async fn text_behind_a_gap_is_asked_for_and_not_shown_before_the_rest_is_there() {
    let scene = Scene::new(WatchOptions::default()).await;
    let mut signals = scene.store.subscribe().await.unwrap();
    let wanted = Ok(Some(Signal::AnswerTextWanted { run: RUN }));
    let mut watcher = scene.watch(Place::START).await;
    next_places(&mut watcher, 1).await;
    assert_eq!(signals.next().await, wanted, "what was written before anybody watched");
    let attempt = AttemptNumber::FIRST;
    let text =
        |offset, text: &str| Signal::AnswerText { run: RUN, attempt, offset, text: text.into() };
    tokio::time::sleep(Duration::from_secs(1)).await;
    // However many pieces come, those who write are asked once in a second.
    let pieces = vec![text(3, "lo"), text(5, " there")];
    scene.store.publish(pieces.clone()).await.unwrap();
    for piece in pieces {
        assert_eq!(signals.next().await, Ok(Some(piece)));
    }
    assert_eq!(signals.next().await, wanted);
    scene.store.publish(vec![text(0, "Hello there")]).await.unwrap();
    let Ok(News::Text(whole)) = watcher.next().await else { panic!("only text was said") };
    assert_eq!((whole.offset, whole.text.as_str()), (0, "Hello there"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_those_who_went_away() {
    let scene = Scene::new(WatchOptions::default()).await;
    let mut runs = scene.watches.runs();
    let watchers = [scene.watch(Place::START).await, scene.watch(Place::START).await];
    assert_eq!(*runs.wait_for(|count| *count > 0).await.unwrap(), 1);
    drop(watchers);
    runs.wait_for(|count| *count == 0).await.unwrap();
    // Also of those who went before they were answered.
    for _ in 0..20 {
        let join = scene.watches.join(RUN, Place::START);
        let _ = tokio::time::timeout(Duration::ZERO, join).await;
    }
    let unknown = scene.watches.join(RunId::new(0, Lane(0), 1), Place::START).await;
    assert!(matches!(unknown, Err(WatchError::NoRun(_))));
    runs.wait_for(|count| *count == 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn more_watchers_than_may_are_refused_until_one_goes() {
    let options = WatchOptions { watchers: 2, ..WatchOptions::default() };
    let scene = Scene::new(options).await;
    let one = scene.watch(Place::START).await;
    let _other = scene.watch(Place::START).await;
    let third = scene.watches.join(RUN, Place::START).await;
    assert_eq!(third.err(), Some(WatchError::Full(2)));
    drop(one);
    while scene.watches.join(RUN, Place::START).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_hub_is_told_to_who_watches() {
    let scene = Scene::new(WatchOptions::default()).await;
    let mut watcher = scene.watch(Place::START).await;
    next_places(&mut watcher, 1).await;
    let watches = scene.watches.clone();
    drop(scene);
    assert_eq!(watcher.next().await, Err(WatchError::Stopped));
    assert_eq!(watches.join(RUN, Place::START).await.err(), Some(WatchError::Stopped));
}

/// On real threads: watchers come and go while the history grows, and each of them, with all its
/// cuts, hears every event once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_at_random_hears_every_event_once() {
    const EVENTS: u64 = 300;
    let options = WatchOptions { tail_bytes: 2000, ..WatchOptions::default() };
    let mut scene = Scene::new(options).await;
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..16 {
        let watches = scene.watches.clone();
        clients.spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut heard: Vec<Place> = Vec::new();
            while heard.len() < EVENTS as usize {
                let place = heard.last().copied().unwrap_or(Place::START);
                let mut watcher = watches.join(RUN, place).await.unwrap();
                for _ in 0..random.usize(1..20) {
                    if heard.len() == EVENTS as usize {
                        break;
                    }
                    heard.extend(next_places(&mut watcher, 1).await);
                }
            }
            assert_eq!(seqs(&heard), (1..=EVENTS).collect::<Vec<_>>(), "seed {seed}");
        });
    }
    for number in 1..EVENTS {
        let command = CommandId::new(&number.to_string());
        scene.scribe.write(vec![Event::CommandDone { command }]).await;
        tokio::task::yield_now().await;
    }
    clients.join_all().await;
    scene.watches.runs().wait_for(|count| *count == 0).await.unwrap();
}
