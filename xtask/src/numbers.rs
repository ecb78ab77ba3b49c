//! Command lines of flags with a whole number each: `--seed 7 --seeds=1`.

use crate::failure::Failure;

/// The number of each flag, in the order of the flags; nothing for one that was not given.
pub(crate) fn read<const N: usize>(
    task: &str,
    flags: [&str; N],
    arguments: &[String],
) -> Result<[Option<u64>; N], Failure> {
    let mut numbers = [None; N];
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (flag, joined) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, None),
        };
        let Some(place) = flags.iter().position(|known| *known == flag) else {
            return Err(Failure::Usage(format!("`{task}` does not know `{word}`")));
        };
        let value = joined.or_else(|| words.next()).unwrap_or_default();
        let number = value.parse();
        numbers[place] = Some(number.map_err(|_| {
            Failure::Usage(format!("`{flag}` needs a whole number, not `{value}`"))
        })?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(line: &str) -> Result<[Option<u64>; 2], Failure> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        read("simulate", ["--seed", "--seeds"], &words)
    }

    #[test]
    fn numbers_are_read_in_any_order_and_form() {
        assert_eq!(numbers("").unwrap(), [None, None]);
        assert_eq!(numbers("--seed 7 --seeds 1").unwrap(), [Some(7), Some(1)]);
        assert_eq!(numbers("--seeds=1 --seed=7").unwrap(), [Some(7), Some(1)]);
    }

    #[test]
    fn what_is_no_number_or_not_known_is_refused() {
        for line in ["--seed", "--seeds many", "--sead 1", "7"] {
            assert!(matches!(numbers(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
