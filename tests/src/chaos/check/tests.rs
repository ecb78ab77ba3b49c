//! Each rule sees its crime, and nothing else is accused.

use std::sync::Arc;

use serde_json::{Value, json};
use sortie_engine::{
    AttemptNumber, Event, Failure, FailureKind, Goal, Lane, PlanCause, PlanVersion, PlannedStep,
    QueueName, Recorded, RunId, Seq, StepId, StepNumber, StepResult, Template, Timestamp, ToolName,
    ToolTerms, Usage, WorkerName, idempotency_key,
};

use super::{Rule, check};
use crate::chaos::evidence::{Cancel, End, Evidence, Handover, Harm, Hit, Seen, Told, Watch};
use crate::chaos::graph::{Graph, Node, said_of};
use crate::chaos::ledger::{Entry, Fact, hash};
use crate::chaos::tools::{Kind, QUEUE};

const RUN: RunId = RunId::new(0, Lane(1), 7);
const PID: u32 = 4711;
const OTHER: u32 = 4712;
const LEASE_MS: u64 = 1_000;

fn graph() -> Graph {
    let nodes = vec![
        Node::new(1, Kind::Pure, 0, &[]),
        Node::new(2, Kind::Large, 0, &[1]),
        Node::new(3, Kind::Once, 0, &[2]),
    ];
    Graph::new("k", nodes)
}

/// The JSON of a result.
fn made(number: u32, by: &str) -> Value {
    let text = graph().text(number).unwrap();
    if number == 2 { json!({"text": text, "by": by}) } else { json!({"text": text}) }
}

fn planned(number: u32) -> Event {
    let graph = graph();
    let node = graph.node(number).unwrap();
    Event::StepPlanned {
        version: PlanVersion::FIRST,
        step: StepId::new(number),
        planned: Arc::new(PlannedStep {
            number: StepNumber::new(number),
            description: String::new(),
            tool: ToolName::new(node.kind.tool()),
            input: Template::parse(&graph.input(node)).unwrap(),
            depends_on: node.after.iter().copied().map(StepNumber::new).collect(),
        }),
        terms: Arc::new(ToolTerms {
            queue: QueueName::new(QUEUE),
            effect: node.kind.effect(),
            timeout: std::time::Duration::from_secs(120),
            calls_model: false,
        }),
    }
}

fn queued(number: u32) -> Event {
    Event::StepQueued { step: StepId::new(number), attempt: AttemptNumber::FIRST }
}

fn succeeded(number: u32, worker: &str) -> Event {
    Event::StepSucceeded {
        step: StepId::new(number),
        attempt: AttemptNumber::FIRST,
        result: StepResult::inline(made(number, "b1")).recorded(),
        worker: WorkerName::new(worker),
        started_at: Timestamp::from_millis(1),
        usage: Usage::default(),
    }
}

fn entry(number: u32, pid: u32, execution: u64, at_ms: u64, fact: Fact) -> Entry {
    Entry {
        fact,
        run: RUN.to_string(),
        step: number,
        attempt: 1,
        key: idempotency_key(RUN, StepId::new(number), sortie_engine::Generation::FIRST),
        tool: graph().node(number).unwrap().kind.tool().to_owned(),
        say: graph().said(number).unwrap(),
        pid,
        execution,
        at_ms,
        up_ms: at_ms,
    }
}

fn ended(number: u32) -> Fact {
    Fact::Ended { hash: hash(&made(number, "b1").to_string()) }
}

/// A run in which everything is as it was promised.
fn sound() -> Evidence {
    let answer: String =
        (1..=3).map(|number| said_of(number, Some(&made(number, "b1").to_string()))).collect();
    let usage = Usage::default();
    let events = vec![
        Event::RunSubmitted { goal: Arc::new(Goal::new(graph().goal())) },
        Event::PlanVersionStarted {
            version: PlanVersion::FIRST,
            cause: PlanCause::First,
            planner: Arc::from("p"),
        },
        planned(1),
        queued(1),
        planned(2),
        planned(3),
        Event::PlanAccepted { version: PlanVersion::FIRST, usage },
        succeeded(1, "w"),
        queued(2),
        succeeded(2, "w"),
        queued(3),
        succeeded(3, "w"),
        Event::AnswerAttemptStarted { attempt: AttemptNumber::FIRST, synthesizer: Arc::from("p") },
        Event::RunSucceeded { answer: Arc::from(answer), partial: false, usage },
    ];
    let history = numbered(events);
    let seen = history.iter().map(|event| Seen::Event(Box::new(event.clone()))).collect();
    let results = (1..=3).map(|number| (number, made(number, "b1").to_string())).collect();
    let told = Told {
        graph: graph(),
        acknowledged: vec![RUN],
        cancels: Vec::new(),
        watches: vec![Watch { seen, connections: 1 }],
        end: Some(End { history, results }),
    };
    let ledger = (1..=3).flat_map(|number| {
        let at = u64::from(number) * 10;
        let began = entry(number, PID, number.into(), at, Fact::Began);
        [began, entry(number, PID, number.into(), at + 5, ended(number))]
    });
    Evidence {
        lease_ms: LEASE_MS,
        goals: vec![told],
        ledger: ledger.collect(),
        faults: Vec::new(),
        handovers: vec![handover(1, 2)],
    }
}

fn handover(before: u64, after: u64) -> Handover {
    let (from, to) = (("a".to_owned(), before), ("b".to_owned(), after));
    Handover { entry: "1-0".to_owned(), from, to }
}

fn numbered(events: Vec<Event>) -> Vec<Recorded> {
    let at = Timestamp::from_millis(1_000);
    (1..).zip(events).map(|(seq, event)| Recorded { seq: Seq::new(seq), at, event }).collect()
}

/// Changes the sound story and tells which rules were broken, each once.
fn broken(change: impl FnOnce(&mut Evidence)) -> Vec<Rule> {
    let mut evidence = sound();
    change(&mut evidence);
    let mut rules: Vec<_> = check(&evidence).into_iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn history(evidence: &mut Evidence) -> &mut Vec<Recorded> {
    &mut evidence.goals[0].end.as_mut().unwrap().history
}

/// The history ends before these events, and so does what watchers saw.
fn cut(evidence: &mut Evidence, left: usize) {
    history(evidence).truncate(left);
    evidence.goals[0].watches[0].seen.truncate(left);
}

/// Execution 9 of a step, in the other process.
fn again(evidence: &mut Evidence, number: u32, at_ms: u64, fact: Fact) {
    evidence.ledger.push(entry(number, OTHER, 9, at_ms, Fact::Began));
    evidence.ledger.push(entry(number, OTHER, 9, at_ms + 1, fact));
}

fn hit(harm: Harm, pids: &[u32], from_ms: u64, until_ms: u64) -> Hit {
    Hit { harm, pids: pids.to_vec(), from_ms, until_ms, work: 1 }
}

#[test]
fn a_sound_story_has_no_violation() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn a_run_that_is_gone_open_or_twice_is_seen() {
    assert_eq!(broken(|e| e.goals[0].end = None), [Rule::NothingAcknowledgedIsLost]);
    assert_eq!(broken(|e| cut(e, 11)), [Rule::EveryRunEnds]);
    let other = RunId::new(0, Lane(1), 8);
    assert_eq!(broken(|e| e.goals[0].acknowledged.push(other)), [Rule::OneRunForOneKey]);
}

#[test]
fn of_a_goal_that_was_never_acknowledged_only_that_is_seen() {
    let rules = broken(|e| {
        e.goals[0].acknowledged.clear();
        e.goals[0].end = None;
        e.goals[0].watches.clear();
        e.ledger.clear();
    });
    assert_eq!(rules, [Rule::ClientsAreAnswered]);
}

#[test]
fn a_result_that_is_recorded_twice_is_seen() {
    let rules = broken(|e| {
        let mut events: Vec<_> = history(e).iter().map(|one| one.event.clone()).collect();
        events.insert(8, succeeded(1, "w"));
        *history(e) = numbered(events);
        let seen = history(e).iter().map(|event| Seen::Event(Box::new(event.clone()))).collect();
        e.goals[0].watches[0].seen = seen;
    });
    assert!(rules.contains(&Rule::Invariants) && rules.contains(&Rule::OneResult), "{rules:?}");
}

#[test]
fn a_tool_may_run_twice_only_where_a_fault_hit_its_worker() {
    let twice = |e: &mut Evidence| again(e, 2, 900, Fact::Stopped);
    assert_eq!(broken(twice), [Rule::OneExecution]);
    let excused = |harm, pids: &'static [u32]| {
        broken(move |e| {
            twice(e);
            e.faults.push(hit(harm, pids, 100, 200));
        })
    };
    assert_eq!(excused(Harm::WorkerKilled, &[PID]), []);
    assert_eq!(excused(Harm::RedisKilled, &[]), []);
    // It was away between its claim and its beginning.
    assert_eq!(excused(Harm::WorkerFrozen, &[OTHER]), []);
    assert_eq!(excused(Harm::WorkerKilled, &[7]), [Rule::OneExecution]);
}

#[test]
fn a_once_tool_never_begins_twice_whatever_happened() {
    let rules = broken(|e| {
        again(e, 3, 900, Fact::Stopped);
        e.faults.push(hit(Harm::AllKilled, &[], 100, 200));
    });
    assert_eq!(rules, [Rule::OnceIsOnce]);
    let rules = broken(|e| {
        let mut other = entry(3, PID, 9, 900, Fact::Began);
        other.step = 2;
        other.attempt = 1;
        e.ledger.push(other);
        e.faults.push(hit(Harm::AllKilled, &[], 100, 200));
    });
    assert_eq!(rules, [Rule::NoDeedTwice]);
}

#[test]
fn a_tool_that_goes_on_after_its_attempt_was_taken_is_seen() {
    let story = |late: u64| {
        broken(move |e| {
            // Frozen from 21 to 2,000; the other takes over at 1,500.
            e.faults.push(hit(Harm::WorkerFrozen, &[PID], 21, 2_000));
            e.ledger
                .iter_mut()
                .filter(|one| one.step == 2 && one.fact != Fact::Began)
                .for_each(|end| end.at_ms = late);
            again(e, 2, 1_500, Fact::Stopped);
        })
    };
    assert_eq!(story(2_400), []);
    assert_eq!(story(9_000), [Rule::LostMeansStopped]);
}

#[test]
fn an_attempt_that_changes_hands_uncounted_is_seen() {
    let rules = broken(|e| e.handovers.push(handover(2, 2)));
    assert_eq!(rules, [Rule::HandedOnIsCounted]);
}

#[test]
fn what_nobody_did_cannot_be_recorded() {
    let forget = |e: &mut Evidence| e.ledger.retain(|one| one.step != 2);
    assert_eq!(broken(forget), [Rule::RecordedWasDone]);
    let unended = |e: &mut Evidence| {
        e.ledger
            .iter_mut()
            .filter(|one| one.step == 2 && one.fact != Fact::Began)
            .for_each(|end| end.fact = Fact::Failed { kind: "unavailable".to_owned() });
    };
    assert_eq!(broken(unended), [Rule::RecordedWasDone]);
}

#[test]
fn a_tool_that_runs_without_a_word_in_the_history_is_seen() {
    let rules = broken(|e| {
        let mut ghost = entry(1, PID, 9, 900, Fact::Began);
        ghost.attempt = 2;
        e.ledger.push(ghost);
    });
    assert_eq!(rules, [Rule::NoGhostRuns]);
}

#[test]
fn a_result_that_is_lost_changed_or_anothers_is_seen() {
    let results = |e: &mut Evidence, json: Option<String>| {
        let end = e.goals[0].end.as_mut().unwrap();
        match json {
            Some(json) => end.results.insert(2, json),
            None => end.results.remove(&2),
        };
    };
    let lost = broken(|e| results(e, None));
    assert_eq!(lost, [Rule::ResultsAreRight, Rule::AnswersAreRight]);
    // The second delivery's result under the first one's name: the same size, the same text.
    let shared = broken(|e| {
        let json = made(2, "b2").to_string();
        again(e, 2, 900, Fact::Ended { hash: hash(&json) });
        e.faults.push(hit(Harm::WorkerFrozen, &[PID], 21, 2_000));
        results(e, Some(json));
    });
    assert_eq!(shared, [Rule::ResultsAreRight, Rule::AnswersAreRight]);
}

#[test]
fn a_silence_that_nothing_explains_is_seen() {
    let late = |e: &mut Evidence| {
        for recorded in &mut history(e)[11..] {
            recorded.at = Timestamp::from_millis(9_000);
        }
    };
    assert_eq!(broken(late), [Rule::WorkGoesOn]);
    let excused = broken(|e| {
        late(e);
        e.faults.push(hit(Harm::RedisKilled, &[], 1_500, 6_000));
    });
    assert_eq!(excused, []);
}

#[test]
fn watchers_that_miss_repeat_or_invent_are_seen() {
    let seen = |change: fn(&mut Vec<Seen>)| broken(|e| change(&mut e.goals[0].watches[0].seen));
    assert_eq!(seen(|seen| drop(seen.remove(4))), [Rule::NoGap]);
    assert_eq!(seen(|seen| drop(seen.pop())), [Rule::NoGap]);
    assert_eq!(seen(|seen| seen.insert(4, seen[3].clone())), [Rule::NoRepeat]);
    assert_eq!(seen(|seen| seen.insert(4, Seen::Reset)), [Rule::PlacesHold]);
    let ghost = seen(|seen| {
        let Seen::Event(event) = &mut seen[4] else { return };
        event.event = queued(3);
    });
    assert_eq!(ghost, [Rule::NoGhostEvent]);
}

#[test]
fn a_failure_needs_a_cause() {
    let fail = |e: &mut Evidence, kind| {
        let failure = Failure::new(kind, "why");
        history(e)[11].event =
            Event::StepFailed { step: StepId::new(3), failure, usage: Usage::default() };
        let Event::RunSucceeded { answer, partial, .. } = &mut history(e)[13].event else {
            panic!("the last event")
        };
        *partial = true;
        *answer = Arc::from(answer.split("3=").next().unwrap().to_owned() + &said_of(3, None));
        let seen = history(e).iter().map(|event| Seen::Event(Box::new(event.clone()))).collect();
        e.goals[0].watches[0].seen = seen;
    };
    assert_eq!(broken(|e| fail(e, FailureKind::WorkerLost)), [Rule::FailuresHaveACause]);
    let excused = broken(|e| {
        fail(e, FailureKind::WorkerLost);
        e.faults.push(hit(Harm::WorkerKilled, &[OTHER], 900, 1_000));
    });
    assert_eq!(excused, []);
    let never = broken(|e| {
        fail(e, FailureKind::InputLost);
        e.faults.push(hit(Harm::WorkerKilled, &[OTHER], 900, 1_000));
    });
    assert_eq!(never, [Rule::FailuresHaveACause]);
}

#[test]
fn a_command_without_an_answer_is_seen() {
    let cancel = Cancel { command: "c".to_owned(), answered: false };
    assert_eq!(broken(|e| e.goals[0].cancels.push(cancel)), [Rule::CommandsAreCarriedOut]);
}

#[test]
fn a_run_is_not_silent_while_those_before_it_get_their_places() {
    // Its answer is asked for 8 s after its last step.
    let is_silent = |others: &[(Lane, u64, u64)]| {
        let mut evidence = sound();
        for recorded in &mut history(&mut evidence)[12..] {
            recorded.at = Timestamp::from_millis(9_000);
        }
        for (number, (lane, since_ms, until_ms)) in (8..).zip(others) {
            let run = RunId::new(0, *lane, number);
            let mut told = evidence.goals[0].clone();
            told.acknowledged = vec![run];
            let history = &mut told.end.as_mut().unwrap().history;
            history.truncate(2);
            history[0].at = Timestamp::from_millis(*since_ms);
            history[1].at = Timestamp::from_millis(*until_ms);
            evidence.goals.push(told);
        }
        let found = check(&evidence);
        found.iter().any(|one| one.run == Some(RUN) && one.rule == Rule::WorkGoesOn)
    };
    let (here, elsewhere) = (Lane(1), Lane(2));
    assert!(is_silent(&[]));
    assert!(!is_silent(&[(here, 900, 8_000)]));
    assert!(is_silent(&[(here, 900, 5_000)]), "the line stood still after that");
    assert!(is_silent(&[(elsewhere, 900, 8_000)]));
    assert!(is_silent(&[(here, 1_100, 8_000)]), "it was overtaken");
    assert!(is_silent(&[(here, 1_000, 8_000)]), "who came with it does not excuse it");
}
