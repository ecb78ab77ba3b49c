//! What breaks the format is refused with the name of what is wrong, and what a newer process adds
//! is passed over.

use prost::Message;
use sortie_proto::{store_v1, v1};

use super::*;

/// What the refusal says, and what was done to the message.
type Broken<M> = (&'static str, fn(&mut M));

/// A message as one that was written, changed by whoever writes badly.
fn changed<M: Message + Default>(good: &[u8], change: impl FnOnce(&mut M)) -> Vec<u8> {
    let mut message = M::decode(good).unwrap();
    change(&mut message);
    message.encode_to_vec()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(read: Result<T, super::super::BadBytes>, says: &str) {
    let refusal = read.unwrap_err().to_string();
    assert!(refusal.starts_with("read ") && refusal.contains(says), "{refusal}");
}

#[test]
fn entries_are_refused_by_field() {
    let good = entry::encode(entries().last().unwrap());
    let broken: [Broken<store_v1::ReadyEntry>; 12] = [
        ("read a ready entry: field `run_id` is not", |m| m.run_id.push('x')),
        ("`step_id`", |m| m.step_id = 0),
        ("`attempt`", |m| m.attempt = 0),
        ("`generation`", |m| m.generation = 0),
        ("`step` is not set", |m| m.step = None),
        ("`terms` is not set", |m| m.terms = None),
        ("`deadline` is not set", |m| m.deadline = None),
        ("`effect` has no effect 77", |m| m.terms.as_mut().unwrap().effect = 77),
        ("`tool_input` is no template", |m| {
            m.step.as_mut().unwrap().tool_input = "\"{{x}}\"".to_owned();
        }),
        ("`value` is not set or not known", |m| m.inputs[0].value = None),
        ("`json` is not JSON", |m| {
            m.inputs[0].value = Some(store_v1::entry_input::Value::Json(String::new()));
        }),
        ("`step_id`", |m| m.inputs[1].value = Some(store_v1::entry_input::Value::StepId(0))),
    ];
    for (says, change) in broken {
        refused(entry::decode(&changed(&good, change)), says);
    }
}

#[test]
fn records_are_refused_by_field() {
    let good = record::encode(RUN, COMMIT, Some(COMMIT), &history());
    let broken: [Broken<store_v1::CommitRecord>; 6] = [
        ("read the record of a commit: field `run_id`", |m| m.run_id.clear()),
        ("`commit_id` has 0 bytes instead of 16", |m| m.commit_id.clear()),
        ("`parent_id` has 17 bytes", |m| m.parent_id.push(0)),
        ("`seq`", |m| m.events[2].seq = 0),
        ("`kind` is not set or not known", |m| m.events[2].kind = None),
        ("`at` is not set", |m| m.events[4].at = None),
    ];
    for (says, change) in broken {
        refused(record::decode(RUN, &changed(&good, change)), says);
    }
    let another = RunId::new(1, Lane(255), 1);
    refused(record::decode(another, &good), &format!("names {RUN} in the log of {another}"));
}

#[test]
fn the_others_are_refused_by_field() {
    let good = presence::encode(&presences()[0]);
    let broken: [Broken<store_v1::Presence>; 3] = [
        ("read a presence: field `service` is not set", |m| m.service = 0),
        ("`service` has no value 9", |m| m.service = 9),
        ("`input_schema`", |m| m.tools[1].input_schema.clear()),
    ];
    for (says, change) in broken {
        refused(presence::decode(&changed(&good, change)), says);
    }
    let good = summary::encode(&summaries()[0]);
    let broken: [Broken<v1::RunSummary>; 4] = [
        ("read the summary of a run: field `run_id`", |m| m.run_id.clear()),
        ("`state` is not set", |m| m.state = 0),
        ("`state` has no value 99", |m| m.state = 99),
        ("`submitted_at`", |m| m.submitted_at = None),
    ];
    for (says, change) in broken {
        refused(summary::decode(&changed(&good, change)), says);
    }
    let good = signal::encode(&signals()[0]);
    let unknown = changed(&good, |m: &mut store_v1::Signal| m.kind = None);
    refused(signal::decode(&unknown), "read a signal: field `kind` is not set or not known");
    refused(command::decode(&[]), "read a command: field `kind` is not set or not known");
    refused(command::decode(&[0x22, 0x7f]), "read a command: ");
}

#[test]
fn a_field_that_a_newer_process_added_is_passed_over() {
    // Field 1000, a text of two bytes.
    let newer = |mut bytes: Vec<u8>| {
        bytes.extend([0xc2, 0x3e, 2, b'h', b'i']);
        bytes
    };
    for one in entries() {
        assert_eq!(entry::decode(&newer(entry::encode(&one))), Ok(one));
    }
    for one in commands() {
        assert_eq!(command::decode(&newer(command::encode(&one))), Ok(one));
    }
    let record = newer(record::encode(RUN, COMMIT, None, &history()));
    assert_eq!(record::decode(RUN, &record), Ok((COMMIT, Arc::from(history()))));
}
