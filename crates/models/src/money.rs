//! Costs in words.

use sortie_engine::Usage;

/// Billionths of a dollar in one.
const DOLLAR: u64 = 1_000_000_000;
/// Less than this is not told apart.
const LEAST: u64 = DOLLAR / 10_000;

/// What calls cost, for people: `$0.0123`, `under $0.0001`, and whether a price is missing.
#[must_use]
pub fn cost(usage: &Usage) -> String {
    let Usage { model_calls, cost_nanodollars, unpriced_calls, .. } = *usage;
    match unpriced_calls {
        0 => dollars(cost_nanodollars),
        all if all >= model_calls => "price not known".to_owned(),
        some => format!(
            "{}, price not known for {some} of {model_calls} calls",
            dollars(cost_nanodollars)
        ),
    }
}

/// An amount for people.
#[must_use]
pub fn dollars(nanodollars: u64) -> String {
    match nanodollars {
        0 => "$0".to_owned(),
        little if little < LEAST => "under $0.0001".to_owned(),
        // Four digits tell calls apart; above that, cents do.
        some if some < DOLLAR => format!("${}", rounded(some, 4)),
        many => format!("${}", rounded(many, 2)),
    }
}

/// An amount in dollars with all its digits: `0.0123`.
#[must_use]
pub fn decimal(nanodollars: u64) -> String {
    let text = format!("{}.{:09}", nanodollars / DOLLAR, nanodollars % DOLLAR);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn rounded(nanodollars: u64, digits: u32) -> String {
    let unit = DOLLAR / 10_u64.pow(digits);
    let units = nanodollars.saturating_add(unit / 2) / unit;
    let whole = 10_u64.pow(digits);
    format!("{}.{:0width$}", units / whole, units % whole, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_as_exact_as_anyone_reads() {
        for (nanodollars, told, exact) in [
            (0, "$0", "0"),
            (1, "under $0.0001", "0.000000001"),
            (99_999, "under $0.0001", "0.000099999"),
            (12_345_000, "$0.0123", "0.012345"),
            (999_999_999, "$1.0000", "0.999999999"),
            (12_345_678_900, "$12.35", "12.3456789"),
            (u64::MAX, "$18446744073.70", "18446744073.709551615"),
        ] {
            assert_eq!(dollars(nanodollars), told);
            assert_eq!(decimal(nanodollars), exact);
        }
    }

    #[test]
    fn a_missing_price_is_told() {
        let usage = |model_calls, unpriced_calls| Usage {
            model_calls,
            unpriced_calls,
            cost_nanodollars: 20_000_000,
            ..Usage::default()
        };
        assert_eq!(cost(&usage(3, 0)), "$0.0200");
        assert_eq!(cost(&usage(3, 2)), "$0.0200, price not known for 2 of 3 calls");
        assert_eq!(cost(&usage(3, 3)), "price not known");
    }
}
