//! Markdown and plain text: cut by heading and paragraph.

use super::MAX_PASSAGE_CHARS;

/// Short paragraphs under one heading stay together up to this size: one sentence alone is a poor
/// quotation.
const GOOD_PASSAGE_CHARS: usize = 400;
const MAX_HEADING_LEVEL: usize = 6;

/// Passages as (headings, text). `name` is the title of a text that has no heading of its own.
pub(super) fn passages(name: &str, text: &str) -> Vec<(String, String)> {
    let mut cutter = Cutter { name, path: Vec::new(), paragraph: String::new(), found: Vec::new() };
    let mut in_code = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        match heading(line).filter(|_| !in_code && !fence) {
            Some((level, title)) => {
                cutter.end_paragraph();
                cutter.path.retain(|(above, _)| *above < level);
                cutter.path.push((level, title.to_owned()));
            }
            None if line.trim().is_empty() && !in_code => cutter.end_paragraph(),
            None => {
                cutter.paragraph.push_str(line.trim_end());
                cutter.paragraph.push('\n');
            }
        }
    }
    cutter.end_paragraph();
    cutter.found
}

struct Cutter<'a> {
    name: &'a str,
    path: Vec<(usize, String)>,
    paragraph: String,
    found: Vec<(String, String)>,
}

impl Cutter<'_> {
    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let paragraph = paragraph.trim_matches('\n');
        if paragraph.trim().is_empty() {
            return;
        }
        let heading = if self.path.is_empty() {
            self.name.to_owned()
        } else {
            let titles: Vec<_> = self.path.iter().map(|(_, title)| title.as_str()).collect();
            titles.join(" > ")
        };
        if let Some((above, text)) = self.found.last_mut()
            && *above == heading
            && text.len() + paragraph.len() <= GOOD_PASSAGE_CHARS
        {
            text.push_str("\n\n");
            text.push_str(paragraph);
            return;
        }
        for piece in pieces(paragraph) {
            self.found.push((heading.clone(), piece.to_owned()));
        }
    }
}

/// `## Title ##` as level and title.
fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let title = rest.trim().trim_end_matches('#').trim_end();
    let fits = (1..=MAX_HEADING_LEVEL).contains(&level) && rest.starts_with([' ', '\t']);
    (fits && !title.is_empty()).then_some((level, title))
}

/// A long paragraph in pieces, cut behind a sentence, else between words, else anywhere.
pub(super) fn pieces(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some((end, _)) = text.char_indices().nth(MAX_PASSAGE_CHARS) {
        let window = &text[..end];
        let sentence = window.rfind(". ").map(|at| at + 1);
        let word = || window.rfind(char::is_whitespace).filter(|at| *at > 0);
        let cut = sentence.or_else(word).unwrap_or(end);
        found.push(text[..cut].trim_end());
        text = text[cut..].trim_start();
    }
    if !text.is_empty() {
        found.push(text);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_know_the_headings_above_them() {
        let text = "intro\n# Cities\nAll.\n## Austin ##\nOne.\n\nTwo.\n### Housing\nRents.\n\
                    ## Oslo\nCold.\n#no heading\n```\n# code\n\nmore\n```\n";
        let found = passages("notes", text);
        let expected = [
            ("notes", "intro"),
            ("Cities", "All."),
            ("Cities > Austin", "One.\n\nTwo."),
            ("Cities > Austin > Housing", "Rents."),
            ("Cities > Oslo", "Cold.\n#no heading\n```\n# code\n\nmore\n```"),
        ];
        let found: Vec<_> = found.iter().map(|(h, t)| (h.as_str(), t.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn long_paragraphs_are_cut_where_it_hurts_least() {
        let sentences = "Twenty characters... ".repeat(200);
        for text in [sentences.as_str(), &"é".repeat(5000), &"word ".repeat(1000)] {
            let found = passages("n", text);
            assert!(found.len() >= 4, "{}", found.len());
            assert!(found.iter().all(|(_, t)| t.chars().count() <= MAX_PASSAGE_CHARS));
            let whole: String = found.iter().map(|(_, t)| t.replace(' ', "")).collect();
            assert_eq!(whole, text.replace(' ', "").trim_end(), "nothing is lost");
        }
    }

    #[test]
    fn empty_texts_have_no_passage() {
        assert_eq!(passages("n", ""), []);
        assert_eq!(passages("n", "\n \n# Title only\n"), []);
    }
}
