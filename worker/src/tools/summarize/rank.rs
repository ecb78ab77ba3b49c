//! Which sentences tell most: topic words, words that the text repeats, numbers, and an early place.
//!
//! Word frequency as the measure of a sentence goes back to H. P. Luhn, *The Automatic Creation of
//! Literature Abstracts* (1958); dividing by the root of the length keeps long sentences from
//! winning by length alone.

use std::collections::{BTreeSet, HashMap};

use crate::words::content_words;

/// A word of the topic outweighs several repeated words.
const TOPIC_WEIGHT: f64 = 3.0;
/// Numbers are what people read summaries for.
const NUMBER_BONUS: f64 = 0.5;
/// The first sentence of a text often says it all.
const LEAD_BONUS: f64 = 1.0;

struct Candidate<'a> {
    text: &'a str,
    /// Which of the texts it stands in.
    source: usize,
    score: f64,
}

/// The best sentences of all texts, each text first with its best one, in their order.
pub(super) fn best(texts: &[Vec<String>], topic: Option<&str>, limit: usize) -> Vec<String> {
    let candidates = candidates(texts, topic);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let score = |at: &usize| candidates[*at].score;
    order.sort_by(|one, other| score(other).total_cmp(&score(one)).then(one.cmp(other)));
    let mut heard = BTreeSet::new();
    let (mut chosen, others): (Vec<_>, Vec<_>) =
        order.into_iter().partition(|at| heard.insert(candidates[*at].source));
    chosen.extend(others);
    chosen.truncate(limit);
    chosen.sort_unstable();
    chosen.into_iter().map(|at| candidates[at].text.to_owned()).collect()
}

/// Every sentence once, with its score.
fn candidates<'a>(texts: &'a [Vec<String>], topic: Option<&str>) -> Vec<Candidate<'a>> {
    let topic: BTreeSet<_> = topic.map(content_words).unwrap_or_default().into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut frequency: HashMap<String, f64> = HashMap::new();
    let mut kept = Vec::new();
    for (source, text) in texts.iter().enumerate() {
        for (place, sentence) in text.iter().enumerate() {
            let words = content_words(sentence);
            if words.is_empty() || !seen.insert(words.clone()) {
                continue;
            }
            for word in &words {
                *frequency.entry(word.clone()).or_default() += 1.0;
            }
            kept.push((source, place, sentence, words));
        }
    }
    kept.into_iter()
        .map(|(source, place, sentence, words)| {
            let length = words.len() as f64;
            let distinct: BTreeSet<_> = words.into_iter().collect();
            let weight = |word: &String| {
                let wanted = if topic.contains(word) { TOPIC_WEIGHT } else { 0.0 };
                frequency.get(word).map_or(0.0, |count| (1.0 + count).ln()) + wanted
            };
            let told: f64 = distinct.iter().map(weight).sum();
            let number =
                if sentence.contains(|c: char| c.is_ascii_digit()) { NUMBER_BONUS } else { 0.0 };
            let lead = if place == 0 { LEAD_BONUS } else { 0.0 };
            Candidate { text: sentence, source, score: told / length.sqrt() + number + lead }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&[&str]]) -> Vec<Vec<String>> {
        all.iter().map(|text| text.iter().map(|s| (*s).to_owned()).collect()).collect()
    }

    #[test]
    fn sentences_that_say_the_same_count_once() {
        let texts =
            texts(&[&["Rust is fast.", "RUST is FAST!", "It has crates."], &["Rust is fast."]]);
        assert_eq!(best(&texts, None, 5), ["Rust is fast.", "It has crates."]);
    }

    #[test]
    fn the_topic_decides_what_matters() {
        let texts = texts(&[&["Food is good in town.", "Food in town is cheap.", "Rents rose."]]);
        assert_eq!(best(&texts, Some("rent"), 1), ["Rents rose."]);
        assert_eq!(best(&texts, None, 1), ["Food is good in town."]);
    }

    #[test]
    fn the_same_texts_always_give_the_same_summary() {
        let texts = texts(&[&["One thing.", "Two things.", "Three things."], &["Four.", "Five."]]);
        let first = best(&texts, None, 3);
        assert!((0..20).all(|_| best(&texts, None, 3) == first));
    }
}
