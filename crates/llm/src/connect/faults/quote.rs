//! What a provider says of a fault, fit for a message: one short line without secrets.

use crate::spec::Key;

/// The most characters of it.
const LONGEST: usize = 300;

/// How keys begin.
const BEGINNINGS: [&str; 8] = ["sk-", "sk_", "pk-", "AIza", "gsk_", "xai-", "hf_", "ya29."];

/// So many characters at the beginning of a key are enough to take a word for a part of it.
const TELLTALE: usize = 6;

/// One line of at most 300 characters in which all that looks like a key is `…`.
pub(super) fn quote(text: &str, key: Option<&Key>) -> String {
    let key = key.map(Key::secret).filter(|key| !key.is_empty());
    let text = key.map_or_else(|| text.to_owned(), |key| text.replace(key, "…"));
    let words: Vec<_> = text.split_whitespace().map(|word| hide(word, key)).collect();
    let line: String = words.join(" ").chars().filter(|letter| !letter.is_control()).collect();
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some(_) => line.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Replaces those parts of a word that look like a key.
fn hide(word: &str, key: Option<&str>) -> String {
    let mut shown = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(in_key) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !in_key(letter)).unwrap_or(from.len());
        let (part, after) = from.split_at(end);
        shown.push_str(before);
        shown.push_str(if looks_like_key(part, key) { "…" } else { part });
        rest = after;
    }
    shown + rest
}

fn in_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '*' | '.')
}

fn looks_like_key(part: &str, key: Option<&str>) -> bool {
    let begins = |start: &&str| part.len() >= start.len() + TELLTALE && part.starts_with(*start);
    let start = key.and_then(|key| key.get(..TELLTALE)).filter(|_| part.len() > TELLTALE);
    BEGINNINGS.iter().any(begins)
        || part.contains("**")
        || start.is_some_and(|start| part.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_hidden() {
        let key = Key::new("topsecret-1234567890");
        for (said, shown) in [
            ("Incorrect API key provided: sk-abc123***xyz9.", "Incorrect API key provided: …"),
            ("key=AIzaSyA1234567890&x", "key=…&x"),
            ("no topsecret-1234567890, sorry", "no …, sorry"),
            ("no `topsecret-12...`", "no `…`"),
            ("a***b is masked", "… is masked"),
            ("the sk- prefix is missing", "the sk- prefix is missing"),
            ("model `gpt-5` was\n\tnot found", "model `gpt-5` was not found"),
            ("no \u{1b}[31mred", "no [31mred"),
        ] {
            assert_eq!(quote(said, Some(&key)), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_letter() {
        let shown = quote(&"ö".repeat(1000), None);
        assert_eq!(shown.chars().count(), 300);
        assert!(shown.ends_with('…'));
        assert_eq!(quote(&"ö".repeat(300), None).chars().count(), 300);
    }
}
