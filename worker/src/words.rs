//! Words as search and summaries compare them: without case, accents and endings.

use std::iter::once;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that say nothing about the subject of an English text. None of them names a thing: "us"
/// and "go" are countries and languages to someone.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "but", "by", "can", "could", "did", "do",
    "does", "doing", "for", "from", "had", "has", "have", "having", "he", "her", "here", "hers",
    "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "itself", "let", "many", "me",
    "more", "most", "much", "my", "no", "nor", "not", "of", "on", "or", "other", "our", "ours",
    "she", "should", "so", "some", "such", "than", "that", "the", "their", "theirs", "them",
    "then", "there", "these", "they", "this", "those", "to", "too", "very", "was", "we", "were",
    "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "would",
    "you", "your", "yours",
];

/// Every word of a text in its compared form, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    folded(text).iter().map(|word| stemmer.stem(word).into_owned()).collect()
}

/// The words that carry the meaning. A text of stop words alone keeps them: a band is called
/// The Who.
pub(crate) fn content_words(text: &str) -> Vec<String> {
    let all = folded(text);
    let stemmer = Stemmer::create(Algorithm::English);
    let stem = |word: &String| stemmer.stem(word).into_owned();
    let content: Vec<_> = all.iter().filter(|word| !is_stop_word(word)).map(stem).collect();
    if content.is_empty() { all.iter().map(stem).collect() } else { content }
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Runs of letters and digits in lower case without accents. Signs that make a name stay with
/// theirs: C++ and C# are not C.
fn folded(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut signs = String::new();
    for c in text.nfd().filter(|c| !is_combining_mark(*c)).chain(once(' ')) {
        if c.is_alphanumeric() {
            // Signs inside a text, as in `a+b`, separate.
            if !signs.is_empty() {
                signs.clear();
                finish(&mut word, &mut found);
            }
            fold_into(c, &mut word);
        } else if matches!(c, '+' | '#') && !word.is_empty() {
            signs.push(c);
        } else if !matches!(c, '\'' | '’') {
            if matches!(signs.as_str(), "++" | "#") {
                word.push_str(&signs);
            }
            signs.clear();
            finish(&mut word, &mut found);
        }
    }
    found
}

fn finish(word: &mut String, found: &mut Vec<String>) {
    if !word.is_empty() {
        found.push(std::mem::take(word));
    }
}

fn fold_into(c: char, word: &mut String) {
    for lower in c.to_lowercase() {
        match lower {
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            'ø' => word.push('o'),
            'ł' => word.push('l'),
            'đ' => word.push('d'),
            'ı' => word.push('i'),
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted_for_the_binary_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn case_accents_and_endings_do_not_matter() {
        for (one, other) in [
            ("Salaries", "salary"),
            ("Zürich STRASSE", "zurich straße"),
            ("São Paulo", "sao paulo"),
            ("Łódź", "lodz"),
            ("costs", "COST"),
            ("engineer's", "engineers"),
            ("cost_of_living", "cost of living"),
        ] {
            assert_eq!(words(one), words(other), "{one}");
        }
    }

    #[test]
    fn signs_belong_to_names_and_nothing_else() {
        assert_eq!(words("C++, C# and C."), ["c++", "c#", "and", "c"]);
        assert_eq!(words("1+2 a+b #tag issue#4"), ["1", "2", "a", "b", "tag", "issu", "4"]);
    }

    #[test]
    fn content_is_what_remains_unless_nothing_would() {
        assert_eq!(
            content_words("What is the cost of living in Austin?"),
            ["cost", "live", "austin"]
        );
        assert_eq!(content_words("The Who"), ["the", "who"]);
        assert_eq!(content_words("…"), Vec::<String>::new());
    }
}
