//! Steps leave while the model still writes, and a reader says when the rest cannot matter.

use sortie_llm::StopReason;

use crate::fixtures::OUTPUTS;
use crate::reader;

#[test]
fn a_step_leaves_with_the_piece_that_completes_it() {
    let mut reader = reader();
    for (piece, leaves) in [
        ("```json\n{\"st", 0),
        ("eps\": [{\"step_number\": 1, \"tool\": \"now\", \"tool_input\": {\"timezone\": \"}", 0),
        ("\"}", 0),
        ("}", 1),
        (", {\"step_number\": 2, \"tool\": \"now\"}\n{\"step_number\": 3, \"tool\": \"now\"}", 2),
        ("]}", 0),
    ] {
        let steps = reader.push(piece);
        assert_eq!(steps.len(), leaves, "{piece}");
    }
    assert_eq!(reader.finish(StopReason::Complete), []);
}

#[test]
fn a_reader_is_over_when_the_rest_cannot_matter() {
    for (name, over) in [
        ("good-compact", false),
        ("good-twice-the-same", false),
        ("bad-two-plans", true),
        ("bad-endless-repetition", true),
        ("bad-brackets-do-not-match", true),
        ("bad-nan", false),
    ] {
        let output = OUTPUTS.iter().find(|output| output.name == name).unwrap();
        let mut reader = reader();
        reader.push(&output.text);
        assert_eq!(reader.is_over(), over, "{name}");
    }
}

#[test]
fn a_model_that_never_ends_is_stopped() {
    let mut reader = reader();
    let piece = "and on and on, without ever coming to the plan, ".repeat(10);
    let mut pushed = 0;
    while !reader.is_over() {
        assert!(reader.push(&piece).is_empty());
        pushed += 1;
    }
    assert!(pushed < 1200);
    let problems = reader.finish(StopReason::Complete);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("longer than 524288 bytes"));
}

/// One that has said all and goes on, with words or with the same plan again, is stopped too, and
/// its plan holds.
#[test]
fn a_model_that_goes_on_behind_its_plan_is_stopped() {
    let plan = "{\"steps\": [{\"step_number\": 1, \"tool\": \"now\"}]}\n";
    for more in ["and on ", plan, "[x] "] {
        let mut reader = reader();
        assert_eq!(reader.push(plan).len(), 1);
        let mut bytes = 0;
        while !reader.is_over() {
            assert!(reader.push(more).is_empty());
            bytes += more.len();
        }
        assert!((16 * 1024..17 * 1024).contains(&bytes), "{bytes} bytes of {more}");
        assert_eq!(reader.finish(StopReason::Complete), []);
    }
}
