//! What holds for any text.

use proptest::prelude::*;
use serde_json::Value;
use sortie_llm::StopReason;

use crate::fixtures::{OUTPUTS, Output};
use crate::{MAX_STEPS, read};

/// Places where a text may be cut.
fn cuts(text: &str) -> impl DoubleEndedIterator<Item = usize> {
    (0..=text.len()).filter(|at| text.is_char_boundary(*at))
}

fn good() -> impl Iterator<Item = &'static Output> {
    OUTPUTS
        .iter()
        .filter(|output| ["good-", "mended-"].iter().any(|start| output.name.starts_with(start)))
}

#[test]
fn a_cut_anywhere_changes_nothing() {
    for Output { name, text, stop, .. } in OUTPUTS.iter() {
        let whole = read([text.as_str()], *stop);
        let step = (text.len() / 2000).max(1);
        for at in cuts(text).step_by(step) {
            let (before, behind) = text.split_at(at);
            assert_eq!(read([before, behind], *stop), whole, "{name} cut at {at}");
        }
        let letters = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
        assert_eq!(read(letters, *stop), whole, "{name} letter by letter");
    }
}

/// A text that ends too early is refused, and the steps before are the plan's own. Where the plan
/// is whole, the words around it may end anywhere.
#[test]
fn a_beginning_gives_a_beginning_and_a_problem() {
    for Output { name, text, stop, .. } in good() {
        let (all, none) = read([text.as_str()], *stop);
        assert_eq!(none, [], "{name}");
        for at in cuts(text) {
            let (steps, problems) = read([&text[..at]], *stop);
            assert!(all.starts_with(&steps), "{name} cut at {at}");
            assert!(steps == all || !problems.is_empty(), "{name} cut at {at}: {}", &text[..at]);
        }
    }
    for name in ["good-compact", "good-pretty", "good-bare-list", "good-one-step-object"] {
        let output = good().find(|output| output.name == name).unwrap();
        let text = output.text.trim_end();
        for at in cuts(text).filter(|at| *at < text.len()) {
            let (_, problems) = read([&text[..at]], output.stop);
            assert!(!problems.is_empty(), "{name} cut at {at}");
        }
    }
}

/// Made of what plans are made of, so that it comes further than noise does.
fn likely() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{\"steps\":["),
        Just("]}"),
        Just("]"),
        Just("}"),
        Just("{"),
        Just("["),
        Just(","),
        Just(":"),
        Just("\""),
        Just("'"),
        Just("\\"),
        Just("\n"),
        Just("```json\n"),
        Just("<think>"),
        Just("</think>"),
        Just("/*"),
        Just("*/"),
        Just("//"),
        Just("#"),
        Just("“"),
        Just("”"),
        Just("{\"step_number\":1,\"tool\":\"now\"}"),
        Just("\"step_number\":"),
        Just("1"),
        Just("\"tool\":\"search\""),
        Just("\"tool_input\":"),
        Just("\"x\""),
        Just("null"),
        Just("\"depends_on\":[1]"),
        Just("word"),
        Just("é"),
        Just("\u{feff}"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn split_at_random(text: &str, seeds: &[prop::sample::Index]) -> Vec<String> {
    let mut at: Vec<_> = seeds.iter().map(|seed| seed.index(text.len() + 1)).collect();
    at.retain(|at| text.is_char_boundary(*at));
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

const PROSE: &str = "[ a-zA-Z.,!()\n*`_-]{0,60}";

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = read([text.as_ref()], StopReason::Complete);
    }

    #[test]
    fn likely_text_gives_the_same_in_any_pieces(
        text in likely(),
        seeds in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = read([text.as_str()], StopReason::Complete);
        prop_assert!(whole.0.len() <= MAX_STEPS);
        let pieces = split_at_random(&text, &seeds);
        let split = read(pieces.iter().map(String::as_str), StopReason::Complete);
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn an_output_gives_the_same_in_any_pieces(
        which in any::<prop::sample::Index>(),
        seeds in proptest::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let Output { text, stop, .. } = which.get(&OUTPUTS[..]);
        let pieces = split_at_random(text, &seeds);
        let split = read(pieces.iter().map(String::as_str), *stop);
        prop_assert_eq!(split, read([text.as_str()], *stop));
    }

    #[test]
    fn words_around_a_plan_are_ignored(before in PROSE, behind in PROSE, which in any::<prop::sample::Index>()) {
        let good: Vec<_> = good().collect();
        let Output { text, stop, .. } = which.get(&good);
        let noisy = format!("{before}\n{text}\n{behind}");
        prop_assert_eq!(read([noisy.as_str()], *stop), read([text.as_str()], *stop));
    }

    #[test]
    fn a_damaged_plan_never_gives_a_step_that_was_not_there(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        junk in "[{}\\[\\]\"',:\\\\a1]{0,2}",
        gone in 0usize..3,
    ) {
        let good: Vec<_> = good().filter(|output| output.name.starts_with("good-")).collect();
        let Output { text, stop, .. } = which.get(&good);
        let bounds: Vec<_> = cuts(text).collect();
        let from = at.index(bounds.len());
        let to = (from + gone).min(bounds.len() - 1);
        let damaged = format!("{}{junk}{}", &text[..bounds[from]], &text[bounds[to]..]);
        let (steps, problems) = read([damaged.as_str()], *stop);
        let (all, _) = read([text.as_str()], *stop);
        // Whatever comes through stands in the damaged text, word by word; nothing is made up.
        for step in steps.iter().filter(|_| !damaged.contains('\\')) {
            prop_assert!(damaged.contains(&step.tool));
            for words in texts(&step.tool_input) {
                prop_assert!(damaged.contains(words), "{words}");
            }
        }
        prop_assert!(steps.len() <= all.len() || !problems.is_empty());
    }
}

/// Text that is made to be read over and over ends soon.
#[test]
fn malicious_text_is_read_in_bounded_time() {
    let start = std::time::Instant::now();
    for unit in ["[{", "{\"a\":[", "{'", "{“", "{/*", "[{/*", "{\"a\":{", "<think", "{\"a\" \""] {
        let mut text = unit.repeat(400_000 / unit.len());
        text.push_str(" */ } ] \" ' ” x");
        let (steps, problems) = read([text.as_str()], StopReason::Complete);
        assert!(steps.is_empty() && !problems.is_empty(), "{unit}");
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
}
