//! Text of strangers made harmless and short, and times as people read them.

use std::time::Duration;

use serde_json::Value;

/// Text of several lines that cannot move the cursor, colour the screen or turn the reading
/// direction: such characters are shown as a picture of themselves.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { tame(c) }).collect()
}

/// The same on one line.
pub(crate) fn harmless_line(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { tame(c) }).collect()
}

/// At most `most` characters of it, on one harmless line. It is cut between words, unless a long
/// word would take most of it away.
pub(crate) fn short(text: &str, most: usize) -> String {
    // Four times as many characters are looked at, so that a megabyte costs nothing.
    let line: String = text.trim().chars().take(most.saturating_mul(4)).collect();
    let line = harmless_line(&line);
    let line = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most && text.trim().chars().nth(most.saturating_mul(4)).is_none() {
        return line;
    }
    cut(&line, most)
}

fn cut(line: &str, most: usize) -> String {
    // The mark and the space before it.
    let room: String = line.chars().take(most.saturating_sub(1)).collect();
    match room.rfind(' ').filter(|end| *end * 2 > room.len()) {
        Some(end) => format!("{} …", room[..end].trim_end()),
        None => format!("{}…", room.trim_end()),
    }
}

/// The text in rows of at most `width` characters, broken between words; a longer word has a row of
/// its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut taken = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        let room = taken + 1 + length <= width;
        match rows.last_mut() {
            Some(row) if taken == 0 || room => {
                if !row.is_empty() {
                    row.push(' ');
                    taken += 1;
                }
                row.push_str(word);
                taken += length;
            }
            _ => {
                rows.push(word.to_owned());
                taken = length;
            }
        }
    }
    rows.iter().map(|row| row.trim_end().to_owned()).collect()
}

/// The first line of text that has several, and a sign that there are more.
pub(crate) fn first_line(text: &str, most: usize) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_none() {
        return short(first, most);
    }
    let line = short(first, most.saturating_sub(2));
    if line.ends_with('…') { line } else { format!("{line} …") }
}

/// A whole result as people read it: the text that its tool wrote for them, everything else as
/// JSON.
pub(crate) fn result_text(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(mut fields)) => match fields.remove("text") {
            Some(Value::String(text)) => text,
            _ => json.to_owned(),
        },
        _ => json.to_owned(),
    }
}

/// Step numbers after each other: `1, 2`.
pub(crate) fn numbers(list: &[u32]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `<1 ms`, `8 ms`, `2.3 s`, `4m05s`, `3h02m`, `5d`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() == 0 => "<1 ms".to_owned(),
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", (time.as_millis() / 100) as f64 / 10.0),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago something was, in one unit: `5s`, `4m`, `3h`, `5d`.
pub(crate) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        3600..=86_399 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

const fn tame(c: char) -> char {
    match c {
        // The control pictures of Unicode stand in the order of the characters they show.
        '\0'..='\x1f' => match char::from_u32(0x2400 + c as u32) {
            Some(picture) => picture,
            None => '\u{fffd}',
        },
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' => '\u{fffd}',
        _ if turns_direction(c) => '\u{fffd}',
        _ => c,
    }
}

/// Characters that make text look like other text: marks of direction, invisible line ends.
pub(crate) const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_become_pictures_and_lines_stay_lines() {
        let evil = "a\x1b[31mb\rc\u{9b}2Jd\u{202e}e\nf\tg\x07\x7f";
        assert_eq!(harmless(evil), "a␛[31mb␍c\u{fffd}2Jd\u{fffd}e\nf\tg␇␡");
        assert_eq!(harmless_line("a\nb\x1bc"), "a b␛c");
    }

    #[test]
    fn short_text_is_cut_at_characters_and_says_so() {
        assert_eq!(short("  one\n two  ", 20), "one two");
        assert_eq!(short("ééééé", 3), "éé…");
        assert_eq!(short(&"x".repeat(1 << 20), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(short(&format!("a{}b", " ".repeat(100)), 10), "a…");
    }

    #[test]
    fn it_is_cut_between_words_and_never_inside_a_number() {
        assert_eq!(short("both cities: $150,000 less housing", 18), "both cities: …");
        assert_eq!(short("both cities: $150,000 less housing", 24), "both cities: $150,000 …");
        assert_eq!(short("see https://example.org/a/long/path", 20), "see https://example…");
    }

    #[test]
    fn rows_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one enormous two", 3), ["one", "enormous", "two"]);
        assert_eq!(wrap("one  (after 3)", 9), ["one", "(after 3)"]);
        assert_eq!(wrap("", 7), [""]);
    }

    #[test]
    fn a_first_line_says_that_there_are_more() {
        assert_eq!(first_line("\n one\ntwo\n", 20), "one …");
        assert_eq!(first_line("one two three four\nfive", 12), "one two …");
        assert_eq!(first_line("one\n", 20), "one");
    }

    #[test]
    fn results_are_their_text_where_they_have_one() {
        assert_eq!(result_text("\"fine\""), "fine");
        assert_eq!(result_text("{\"a\": 1, \"text\": \"1 + 1 = 2\"}"), "1 + 1 = 2");
        assert_eq!(result_text("{\"text\": [1]}"), "{\"text\": [1]}");
        assert_eq!(result_text("{\"cut"), "{\"cut");
    }

    #[test]
    fn times_read_well_at_every_size() {
        for (millis, text) in [
            (0, "<1 ms"),
            (999, "999 ms"),
            (2_349, "2.3 s"),
            (59_990, "59.9 s"),
            (245_000, "4m05s"),
            (10_920_000, "3h02m"),
            (500_000_000, "5d"),
        ] {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (172_800, "2d")] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
