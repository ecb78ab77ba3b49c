//! How much of each result an answer's author gets to see: a budget shared fairly, so that one
//! huge result cannot push the others out.

/// All previews of one answer call together, in bytes.
pub(super) const PREVIEW_BUDGET: usize = 1 << 20;
/// All previews of one replan together: a planner needs to know what was found, not all of it.
pub(super) const REPLAN_BUDGET: usize = 1 << 16;

/// For each size the share that it gets: small ones are whole, the large ones divide evenly what
/// is left.
pub(super) fn shares(sizes: &[usize], budget: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|index| sizes[*index]);
    let mut shares = vec![0; sizes.len()];
    let mut left = budget;
    for (taken, index) in order.into_iter().enumerate() {
        let even = left / (sizes.len() - taken);
        shares[index] = sizes[index].min(even);
        left -= shares[index];
    }
    shares
}

/// The beginning of a text that fits, cut between characters; whether something was cut.
pub(super) fn cut(mut text: String, most: usize) -> (String, bool) {
    let truncated = text.len() > most;
    text.truncate(text.floor_char_boundary(most));
    (text, truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_results_are_whole_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[10, 1000, 30, 5000], 240), [10, 100, 30, 100]);
        assert_eq!(shares(&[1, 2], 100), [1, 2]);
        assert_eq!(shares(&[], 100), [0_usize; 0]);
        assert!(shares(&[usize::MAX, 7, usize::MAX], 99).iter().sum::<usize>() <= 99);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("aéb".to_owned(), 2), ("a".to_owned(), true));
        assert_eq!(cut("aéb".to_owned(), 9), ("aéb".to_owned(), false));
    }
}
