//! Text of strangers made harmless and short, and times as people read them.

use std::time::Duration;

/// Text of several lines that cannot move the cursor, colour the screen or turn the reading
/// direction: such characters are shown as a picture of themselves.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { tame(c) }).collect()
}

/// The same on one line.
pub(crate) fn harmless_line(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { tame(c) }).collect()
}

/// At most `most` characters of it, on one harmless line.
pub(crate) fn short(text: &str, most: usize) -> String {
    // Four times as many characters are looked at, so that a megabyte costs nothing.
    let line: String = text.trim().chars().take(most.saturating_mul(4)).collect();
    let line = harmless_line(&line);
    let line = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most && text.trim().chars().nth(most.saturating_mul(4)).is_none() {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// A result for people: a bare string without its quotes, everything else as JSON.
pub(crate) fn short_result(json: &str, most: usize) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) => short(&text, most),
        Err(_) => short(json, most),
    }
}

/// Step numbers after each other: `1, 2`.
pub(crate) fn numbers(list: &[u32]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `8 ms`, `2.3 s`, `4m05s`, `3h02m`, `5d`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", (time.as_millis() / 100) as f64 / 10.0),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
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
    fn results_lose_their_quotes_only_where_they_are_text() {
        assert_eq!(short_result("\"fine \\u001b[2J\"", 40), "fine ␛[2J");
        assert_eq!(short_result("{\"a\": 1}", 40), "{\"a\": 1}");
        assert_eq!(short_result("\"cut off in the mid", 40), "\"cut off in the mid");
    }

    #[test]
    fn times_read_well_at_every_size() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (2_349, "2.3 s"),
            (59_990, "59.9 s"),
            (245_000, "4m05s"),
            (10_920_000, "3h02m"),
            (500_000_000, "5d"),
        ] {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
    }
}
