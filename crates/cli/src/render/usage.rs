//! What model calls used, in words.

use sortie_engine::{RoleUsage, Usage};
use sortie_models::money;

/// `3 model calls, 2,345 tokens in, 456 out, $0.0123`; nothing without a call.
pub(crate) fn used(usage: &Usage) -> Option<String> {
    let calls = match usage.model_calls {
        0 => return None,
        1 => "1 model call".to_owned(),
        more => format!("{} model calls", grouped(more.into())),
    };
    let tokens = tokens(usage.input_tokens, usage.output_tokens);
    Some(format!("{calls}, {tokens}, {}", money::cost(usage)))
}

/// `2,345 tokens in, 456 out`.
pub(crate) fn tokens(input: u64, output: u64) -> String {
    let noun = if input == 1 { "token" } else { "tokens" };
    format!("{} {noun} in, {} out", grouped(input), grouped(output))
}

/// A line for each role that used something.
pub(super) fn by_role(usage: &RoleUsage) -> Vec<String> {
    let roles = [
        ("planner", &usage.planner),
        ("executor", &usage.executor),
        ("synthesizer", &usage.synthesizer),
    ];
    let line = |(role, usage): (&str, &Usage)| Some(format!("{role:<11}  {}", used(usage)?));
    roles.into_iter().filter_map(line).collect()
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_tokens_and_cost_are_told_if_there_were_calls() {
        let usage = Usage {
            model_calls: 3,
            input_tokens: 12_345,
            output_tokens: 456,
            cost_nanodollars: 12_300_000,
            unpriced_calls: 0,
        };
        let wanted = "3 model calls, 12,345 tokens in, 456 out, $0.0123";
        assert_eq!(used(&usage).as_deref(), Some(wanted));
        assert_eq!(used(&Usage::default()), None);
        let roles = RoleUsage { planner: usage, ..RoleUsage::default() };
        assert_eq!(by_role(&roles), [format!("planner      {wanted}")]);
    }

    #[test]
    fn digits_stand_in_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
