//! An inverted index with BM25 ranking.
//!
//! Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond* (2009), with
//! the logarithm that cannot turn negative (as Lucene does it). Why not a crate:
//! `docs/adr/local-search.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Passage;
use crate::words::words;

/// How fast repetitions of a word stop counting.
const SATURATION: f64 = 1.2;
/// How much long passages are held back.
const LENGTH_WEIGHT: f64 = 0.75;
/// A word in a heading says what the passage is about.
const HEADING_WEIGHT: u32 = 2;
/// The first passage of a text says what the text is about.
const LEAD_BONUS: f64 = 1.2;

pub(super) struct Index {
    /// For each word the passages that have it, in order, and how often.
    postings: HashMap<String, Vec<(u32, u32)>>,
    /// For each passage how many words it has, and whether it opens a text.
    passages: Vec<(u32, bool)>,
    average_length: f64,
}

/// How a passage answers a query.
#[derive(Default)]
struct Match {
    score: f64,
    /// How many words of the aspect it has.
    aspect: usize,
}

impl Index {
    pub(super) fn of(passages: &[Passage]) -> Self {
        let mut postings: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        let mut sizes = Vec::with_capacity(passages.len());
        for (at, passage) in (0u32..).zip(passages) {
            let mut counts: BTreeMap<String, u32> = BTreeMap::new();
            let mut length = 0;
            for (text, weight) in [(&passage.heading, HEADING_WEIGHT), (&passage.text, 1)] {
                for word in words(text) {
                    *counts.entry(word).or_default() += weight;
                    length += 1;
                }
            }
            for (word, count) in counts {
                postings.entry(word).or_default().push((at, count));
            }
            sizes.push((length, passage.leads));
        }
        let total: f64 = sizes.iter().map(|(length, _)| f64::from(*length)).sum();
        let average_length = (total / sizes.len().max(1) as f64).max(1.0);
        Self { postings, passages: sizes, average_length }
    }

    /// The best passages for these words, all compared forms; ties keep the passages' order.
    ///
    /// The words that a query has beyond its subject are the aspect that is asked for. Where some
    /// passage has all of them, those with half of them or fewer are beside the point.
    pub(super) fn search(
        &self,
        query: &[String],
        subject: Option<&[String]>,
        limit: usize,
    ) -> Vec<(usize, f64)> {
        let mut matches: BTreeMap<u32, Match> = match subject {
            Some(subject) => {
                self.about(subject).into_iter().map(|at| (at, Match::default())).collect()
            }
            None => BTreeMap::new(),
        };
        let distinct: BTreeSet<_> = query.iter().collect();
        let mut aspect = 0;
        for word in distinct {
            let of_aspect = subject.is_some_and(|subject| !subject.contains(word));
            aspect += usize::from(of_aspect);
            let Some(postings) = self.postings.get(word) else { continue };
            let rarity = self.rarity(postings.len());
            for (at, count) in postings {
                if subject.is_none() {
                    matches.entry(*at).or_default();
                }
                if let Some(found) = matches.get_mut(at) {
                    found.score += rarity * self.weight(*at, *count);
                    found.aspect += usize::from(of_aspect);
                }
            }
        }
        // The subject alone is enough, but only where nothing answers the query.
        if matches.values().any(|found| found.score > 0.0) {
            matches.retain(|_, found| found.score > 0.0);
        }
        if aspect > 0 && matches.values().any(|found| found.aspect == aspect) {
            matches.retain(|_, found| found.aspect * 2 > aspect);
        }
        let mut ranked: Vec<_> =
            matches.into_iter().map(|(at, found)| (at as usize, found.score)).collect();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        ranked.truncate(limit);
        ranked
    }

    /// The passages that have all these words.
    fn about(&self, subject: &[String]) -> Vec<u32> {
        let lists: Option<Vec<_>> = subject.iter().map(|word| self.postings.get(word)).collect();
        let Some(mut lists) = lists else { return Vec::new() };
        lists.sort_by_key(|list| list.len());
        let Some((rarest, others)) = lists.split_first() else { return Vec::new() };
        let in_all = |at: &u32| {
            others.iter().all(|list| list.binary_search_by_key(at, |(other, _)| *other).is_ok())
        };
        rarest.iter().map(|(at, _)| *at).filter(in_all).collect()
    }

    fn rarity(&self, having: usize) -> f64 {
        let (all, having) = (self.passages.len() as f64, having as f64);
        (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
    }

    fn weight(&self, at: u32, count: u32) -> f64 {
        let (length, leads) = self.passages[at as usize];
        let relative = f64::from(length) / self.average_length;
        let held_back = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * relative);
        let count = f64::from(count);
        let bonus = if leads { LEAD_BONUS } else { 1.0 };
        bonus * count * (SATURATION + 1.0) / (count + held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::content_words;

    fn passages(texts: &[(&str, &str)]) -> Vec<Passage> {
        let passage = |(position, (heading, text)): (usize, &(&str, &str))| Passage {
            document: "d".to_owned(),
            heading: (*heading).to_owned(),
            text: (*text).to_owned(),
            leads: position == 0,
        };
        texts.iter().enumerate().map(passage).collect()
    }

    fn ranked(texts: &[(&str, &str)], query: &str, subject: Option<&str>) -> Vec<usize> {
        let index = Index::of(&passages(texts));
        let subject = subject.map(content_words);
        let found = index.search(&content_words(query), subject.as_deref(), 10);
        found.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn rare_words_short_passages_and_headings_win() {
        let texts = [
            ("Misc", "a town with cheap housing and many other things that are long to tell"),
            ("Towns", "housing"),
            ("Housing", "rents rose"),
            ("Towns", "zoning"),
        ];
        assert_eq!(ranked(&texts, "housing", None), [2, 1, 0]);
        assert_eq!(ranked(&texts, "housing zoning", None)[0], 3);
    }

    #[test]
    fn the_subject_needs_all_its_words_from_text_and_headings_together() {
        let texts = [
            ("San Francisco", "The cost of living is high."),
            ("San Antonio", "The cost of living is low."),
            ("Notes", "Saint Francis of Assisi; San Francisco is named after him."),
        ];
        assert_eq!(ranked(&texts, "cost of living", Some("San Francisco")), [0]);
        assert_eq!(ranked(&texts, "Francisco", Some("San Francisco")), [0, 2]);
        assert_eq!(ranked(&texts, "cost", Some("cost of living in San Antonio")), [1]);
        assert_eq!(ranked(&texts, "cost", Some("San Diego")), Vec::<usize>::new());
        assert_eq!(ranked(&texts, "weather", Some("san")), [0, 1, 2], "the subject is enough");
    }

    #[test]
    fn passages_beside_the_aspect_are_left_out_where_another_has_all_of_it() {
        let texts = [
            ("Austin", "Living there costs less."),
            ("Austin", "The capital of Texas."),
            ("Austin", "A town of live music."),
            ("Austin: cost of living", "Rents fell."),
        ];
        let ranked = |query| ranked(&texts, query, Some("Austin"));
        assert_eq!(ranked("cost of living in Austin"), [3, 0]);
        assert_eq!(ranked("Austin").len(), 4, "without an aspect all are welcome");
        assert_eq!(ranked("musical cost of living in Austin").len(), 4, "none has all of it");
    }

    #[test]
    fn equal_passages_keep_their_order() {
        let texts = [("x", "first"), ("a", "same words"), ("a", "same words"), ("a", "same words")];
        assert_eq!(ranked(&texts, "same", None), [1, 2, 3]);
        assert_eq!(ranked(&[], "same", None), Vec::<usize>::new());
    }
}
