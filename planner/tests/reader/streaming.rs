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
    let mut pushed = 0;
    while !reader.is_over() {
        let piece = format!("and on to the thought of number {pushed}, which is no plan, ");
        assert!(reader.push(&piece).is_empty());
        pushed += 1;
    }
    assert!(pushed < 12_000);
    let problems = reader.finish(StopReason::Complete);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("longer than 524288 bytes"));
}

#[test]
fn a_model_that_says_the_same_for_ever_is_stopped_soon_however_its_text_is_cut() {
    let begun = "{\"steps\": [{\"step_number\": 1, \"tool\": \"now\", \"description\": \"";
    let text = begun.to_owned() + &"0".repeat(10_000);
    for piece in [1, 7, 512, 10_000] {
        let mut reader = reader();
        let mut read = 0;
        for piece in text.as_bytes().chunks(piece) {
            if reader.is_over() {
                break;
            }
            reader.push(std::str::from_utf8(piece).unwrap());
            read += piece.len();
        }
        assert!(read <= 1100 || piece == 10_000, "{read}");
        let problems = reader.finish(StopReason::Complete);
        assert!(problems[0].message.contains("repeats itself"), "{problems:?}");
    }
}

/// One that has said all and goes on, with words or with the same plan again, is stopped too, and
/// its plan holds.
#[test]
fn a_model_that_goes_on_behind_its_plan_is_stopped() {
    let plan = "{\"steps\": [{\"step_number\": 1, \"tool\": \"now\"}]}\n";
    for more in ["and on ", plan, "[x] "] {
        let mut said = 0_u32;
        let mut reader = reader();
        assert_eq!(reader.push(plan).len(), 1);
        let mut bytes = 0;
        while !reader.is_over() {
            said += 1;
            let more = if more == plan { more.to_owned() } else { format!("{more}{said} ") };
            assert!(reader.push(&more).is_empty());
            bytes += more.len();
        }
        // The same again and again is noticed sooner.
        assert!(bytes < 17 * 1024, "{bytes} bytes of {more}");
        assert_eq!(reader.finish(StopReason::Complete), []);
    }
}
