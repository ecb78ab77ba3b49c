//! Text that repeats itself. A small model that is held to a form may write one letter, or one
//! sentence, for ever: no bracket closes, nothing is wrong yet, and nobody ends the call.

/// How often the text is looked at, in bytes. A piece of text ends where a letter does, so the look
/// may come up to three bytes later.
pub(super) const STRIDE: usize = 512;
/// How much of the end must repeat, and how long what is repeated may be: a letter or a few words at
/// once, whole sentences after a while.
const PATTERNS: [(usize, usize); 2] = [(512, 64), (2048, 256)];

/// Whether the end of the text says the same again and again.
pub(super) fn is_endless(text: &str) -> bool {
    PATTERNS.iter().any(|(window, longest)| {
        let from = text.len().checked_sub(*window);
        from.is_some_and(|from| repeats(&text.as_bytes()[from..], *longest))
    })
}

fn repeats(text: &[u8], longest: usize) -> bool {
    (1..=longest).any(|period| text.iter().zip(&text[period..]).all(|(one, next)| one == next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_and_a_sentence_without_end_are_noticed() {
        assert!(is_endless(&format!("{{\"steps\": [{}", " ".repeat(600))));
        assert!(is_endless(&"and then the number 0, ".repeat(40)));
        let sentence =
            "The quick brown fox jumps over the lazy dog, and after that it goes home again. ";
        assert!(!is_endless(&sentence.repeat(10)), "it may still stop");
        assert!(is_endless(&sentence.repeat(30)));
    }

    #[test]
    fn a_plan_of_many_similar_steps_is_no_repetition() {
        let step = |number: u32| {
            format!(
                "{{\"step_number\":{number},\"tool\":\"search\",\"tool_input\":{{\"query\":\"x\"}}}},"
            )
        };
        let plan: String = (1..100).map(step).collect();
        assert!(!is_endless(&plan));
    }
}
