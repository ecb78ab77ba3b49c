//! Where sentences end: not behind `4.5`, `U.S.` or `Dr.`.

/// What a "sentence" of a text without points is cut to.
const MAX_SENTENCE_CHARS: usize = 600;

/// Words with a point that rarely end a sentence, without it and in lower case.
const ABBREVIATIONS: &[&str] = &[
    "approx", "ave", "ca", "cf", "co", "corp", "dept", "dr", "e.g", "eg", "est", "etc", "fig",
    "gen", "i.e", "ie", "inc", "jr", "ltd", "mr", "mrs", "ms", "no", "p", "pp", "prof", "rev",
    "sr", "st", "vol", "vs",
];

/// The sentences of a text, whitespace squeezed. Headings, rules and fences are not sentences.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if is_mark(line) {
            split(&paragraph, &mut found);
            paragraph.clear();
            continue;
        }
        if starts_item(line) {
            split(&paragraph, &mut found);
            paragraph.clear();
        }
        paragraph.extend(line.split_whitespace());
    }
    split(&paragraph, &mut found);
    found
}

fn is_mark(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("```") || !line.contains(char::is_alphanumeric)
}

fn starts_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with([')', '.']);
    line.starts_with(['-', '*', '•']) || (numbered && number[1..].starts_with(' '))
}

fn split(words: &[&str], found: &mut Vec<String>) {
    let mut sentence = String::new();
    let mut chars = 0;
    for (at, word) in words.iter().enumerate() {
        let length = word.chars().count();
        if chars + length >= MAX_SENTENCE_CHARS {
            push(&mut sentence, found);
            chars = 0;
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        let kept =
            word.char_indices().nth(MAX_SENTENCE_CHARS).map_or(*word, |(end, _)| &word[..end]);
        sentence.push_str(kept);
        chars += length + 1;
        if ends_sentence(word, words.get(at + 1).copied()) {
            push(&mut sentence, found);
            chars = 0;
        }
    }
    push(&mut sentence, found);
}

fn push(sentence: &mut String, found: &mut Vec<String>) {
    let done = std::mem::take(sentence);
    if done.contains(char::is_alphanumeric) {
        found.push(done);
    }
}

fn ends_sentence(word: &str, next: Option<&str>) -> bool {
    let closing = |c| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»');
    let bare = word.trim_end_matches(closing);
    if bare.ends_with(['!', '?', '…', '。']) {
        return true;
    }
    let Some(stem) = bare.strip_suffix('.') else { return false };
    let Some(next) = next else { return true };
    let opening = |c| matches!(c, '"' | '\'' | '(' | '[' | '“' | '‘' | '«' | '$' | '€');
    let goes_on = next.trim_start_matches(opening).starts_with(char::is_lowercase);
    let stem = stem.trim_start_matches(opening).to_lowercase();
    let initials = stem.chars().count() == 1 && !stem.starts_with(|c: char| c.is_ascii_digit());
    // "U.S." may end a sentence: only a small letter behind it tells that it did not.
    let abbreviated = initials || ABBREVIATIONS.contains(&stem.as_str());
    !goes_on && !abbreviated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_inside_numbers_and_abbreviations_do_not_end_sentences() {
        for (text, expected) in [
            (
                "It grew 4.5% to 3.2 in 2020. Then it fell.",
                &["It grew 4.5% to 3.2 in 2020.", "Then it fell."][..],
            ),
            ("The U.S. economy grew. It is large.", &["The U.S. economy grew.", "It is large."]),
            (
                "Dr. Smith met J. Doe vs. Co. Inc. today!",
                &["Dr. Smith met J. Doe vs. Co. Inc. today!"],
            ),
            (
                "He said \"stop.\" Then (really?) he left",
                &["He said \"stop.\"", "Then (really?)", "he left"],
            ),
            ("See e.g. Rust. Node.js is other", &["See e.g. Rust.", "Node.js is other"]),
        ] {
            assert_eq!(sentences(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_join_unless_something_new_begins() {
        let text = "# Title\nA wrapped\nline.\n\nNo point\n\n- one\n- two\n1. three\n---\n```\n";
        assert_eq!(sentences(text), ["A wrapped line.", "No point", "- one", "- two", "1. three"]);
    }

    #[test]
    fn a_text_without_points_comes_in_pieces() {
        let found = sentences(&"word ".repeat(500));
        assert!(found.len() > 3 && found.iter().all(|s| s.chars().count() <= MAX_SENTENCE_CHARS));
    }
}
