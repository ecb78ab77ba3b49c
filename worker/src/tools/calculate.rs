//! `calculate`: exact arithmetic with percentages, units and functions.
//!
//! An expression passes three gates: it is split and everything dangerous or ambiguous is refused
//! (`tokens`), rewritten so that the library means the same as the author (`expression`), and
//! evaluated on a guarded thread (`evaluate`). What comes back must be one decimal number.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sortie_engine::{BadSchema, Effect, Failure, ToolSpec};

use self::decimal::{grouped, rounded};
use self::evaluate::Evaluator;
use self::expression::Expression;
use super::{Description, clip, invalid, parse_input, spec};
use crate::tool::{Call, Tool};

mod decimal;
mod evaluate;
mod expression;
mod tokens;

/// An expression is a line, not a program.
const MAX_EXPRESSION_CHARS: usize = 512;
/// Longer numbers help neither people nor models; 2^64 has 20 digits.
const MAX_DIGITS: usize = 128;
const MAX_UNIT_CHARS: usize = 128;

/// Works out an expression.
pub struct Calculate {
    spec: ToolSpec,
    evaluator: Evaluator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    expression: String,
}

/// What the library said, taken apart.
#[derive(Debug, PartialEq)]
struct Number<'a> {
    digits: String,
    unit: Option<&'a str>,
    approximate: bool,
}

impl Calculate {
    /// The tool.
    ///
    /// # Errors
    /// If its schemas are broken, which a test rules out.
    pub fn new() -> Result<Self, BadSchema> {
        let spec = spec(Description {
            name: "calculate",
            text: "Works out one arithmetic expression exactly. Operators + - * / ^ ( ), mod, \
                   percentages (`30% of 150,000`, `200 * 105%`; never `200 + 5%`), functions \
                   (sqrt, ln, log10, round, ...), units and conversion (`26.2 miles to \
                   kilometers`). No variables and no words: put numbers in, or references to \
                   the `value` of another calculation.",
            effect: Effect::Pure,
            input: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["expression"],
                "properties": {"expression": {
                    "type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION_CHARS,
                    "description": "such as 150,000 * 30%",
                }},
            }),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["expression", "value", "unit", "approximate", "text"],
                "properties": {
                    "expression": {"type": "string"},
                    "value": {"type": "string", "description": "plain decimal digits"},
                    "unit": {"type": ["string", "null"]},
                    "approximate": {"type": "boolean"},
                    "text": {"type": "string", "description": "the calculation for people"},
                },
            }),
            max_result_bytes: 16 * 1024,
        })?;
        Ok(Self { spec, evaluator: Evaluator::new() })
    }
}

#[async_trait]
impl Tool for Calculate {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let text = input.expression.trim();
        if text.chars().count() > MAX_EXPRESSION_CHARS {
            let limit = MAX_EXPRESSION_CHARS;
            return Err(invalid(format!("the expression has more than {limit} characters")));
        }
        let expression = Expression::parse(text)
            .map_err(|fault| invalid(format!("{}, in `{}`", fault.message, clip(text, 80))))?;
        let said = self
            .evaluator
            .evaluate(expression.plain, call.stopped.clone())
            .await?
            .map_err(|trouble| trouble.into_failure(text))?;
        let number = Number::parse(&said).ok_or_else(|| {
            let (text, said) = (clip(text, 80), clip(&said, 80));
            invalid(format!("`{text}` is `{said}`, not one decimal number"))
        })?;
        if number.digits.len() > MAX_DIGITS {
            let (text, digits) = (clip(text, 80), number.digits.len());
            return Err(invalid(format!(
                "`{text}` has {digits} digits, a result may have {MAX_DIGITS}"
            )));
        }
        Ok(json!({
            "expression": text,
            "value": number.digits,
            "unit": number.unit,
            "approximate": number.approximate,
            "text": number.for_people(&expression.pretty),
        }))
    }
}

impl<'a> Number<'a> {
    /// `approx. -1234.5 km / hour`, taken apart.
    fn parse(said: &'a str) -> Option<Self> {
        let (approximate, said) = match said.strip_prefix("approx. ") {
            Some(rest) => (true, rest),
            None => (false, said),
        };
        let is_digit = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
        let (digits, unit) = said.split_at(said.find(|c| !is_digit(c)).unwrap_or(said.len()));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let fits = all_digits(whole.strip_prefix('-').unwrap_or(whole)) && all_digits(fraction);
        let unit = unit.trim();
        // A sum of quantities and an exact multiple of pi are no unit.
        let starts_badly = unit.starts_with(['+', '-', '/', '^', '*', 'π', 'τ', '(']);
        let is_unit = !starts_badly && unit != "i" && unit.chars().count() <= MAX_UNIT_CHARS;
        let unit = match unit {
            "" => None,
            "percent" => Some("%"),
            unit => Some(unit),
        };
        let (digits, cut) = rounded(digits);
        (fits && is_unit).then_some(Self { digits, unit, approximate: approximate || cut })
    }

    fn for_people(&self, expression: &str) -> String {
        let equals = if self.approximate { "≈" } else { "=" };
        let unit = match self.unit {
            None => String::new(),
            Some(unit) if unit.starts_with('%') => unit.to_owned(),
            Some(unit) => format!(" {unit}"),
        };
        format!("{expression} {equals} {}{unit}", grouped(&self.digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;
    use proptest::prelude::*;
    use sortie_engine::FailureKind;

    async fn calculate(expression: &str) -> Result<Value, Failure> {
        Calculate::new().unwrap().call(json!({"expression": expression}), &call()).await
    }

    #[tokio::test]
    async fn results_are_exact_and_plain() {
        for (expression, value, unit) in [
            ("150,000 * 30%", "45000", None),
            ("30% of 150000", "45000", None),
            ("$150,000 − 45000", "105000", None),
            ("15% * 240 + 12.5", "48.5", None),
            ("200 * 105%", "210", None),
            ("200 + 0.05", "200.05", None),
            ("96000 * (1 - 25% - 12%) / 12", "5040", None),
            ("0.1 + 0.2", "0.3", None),
            ("2**10 ÷ 4 × 3", "768", None),
            ("3 x 4", "12", None),
            ("2^64", "18446744073709551616", None),
            ("1.5 million / 3k", "500", None),
            ("7 mod 3 + 1e-3", "1.001", None),
            ("26.2 miles to kilometers", "42.1648128", Some("kilometers")),
            ("10 km / 2 hours", "5", Some("km / hour")),
            ("5 in to cm", "12.7", Some("cm")),
            ("0.3 to %", "30", Some("%")),
            ("sqrt(16) + round(2.5)", "7", None),
        ] {
            let result = match calculate(expression).await {
                Ok(result) => result,
                Err(failure) => panic!("{expression}: {failure}"),
            };
            assert_eq!(result["value"], value, "{expression}");
            assert_eq!(result["unit"].as_str(), unit, "{expression}");
            assert_eq!(result["approximate"], false, "{expression}");
        }
    }

    #[tokio::test]
    async fn people_get_a_sentence() {
        let result = calculate(" 150000 * 30% ").await.unwrap();
        assert_eq!(
            result,
            json!({
                "expression": "150000 * 30%", "value": "45000", "unit": null,
                "approximate": false, "text": "150,000 * 30% = 45,000",
            })
        );
        let third = calculate("1/3").await.unwrap();
        assert_eq!(
            (&third["value"], &third["approximate"]),
            (&json!("0.3333333333"), &json!(true))
        );
        assert_eq!(third["text"], "1/3 ≈ 0.3333333333");
        let grown = calculate("1000 * 1.05^120").await.unwrap();
        assert_eq!(grown["value"], "348911.98566720162923");
        assert_eq!(grown["approximate"], true);
        let share = calculate("45,000 / 150,000 as %").await.unwrap();
        assert_eq!(share["text"], "45,000 / 150,000 as % = 30%");
    }

    #[tokio::test]
    async fn what_cannot_be_worked_out_says_why() {
        for (expression, says) in [
            ("12 / 0", "division by zero in `12 / 0`"),
            ("5 mod (3 - 3)", "division by zero"),
            ("200 + 5%", "200 * 105%"),
            ("salary * 30%", "unknown word `salary`"),
            ("1,5 * 2", "ambiguous"),
            ("1 kg + 1 m", "incompatible"),
            ("sqrt(-1)", "not one decimal number"),
            ("sqrt", "not one decimal number"),
            ("1/3 to exact", "not one decimal number"),
            ("100!", "a result may have 128"),
            ("2^10000", "a result may have 128"),
            ("0^0", "undefined"),
            ("5 to", "cannot calculate"),
        ] {
            let failure = calculate(expression).await.expect_err(expression);
            assert_eq!(failure.kind, FailureKind::InvalidInput, "{expression}");
            assert!(failure.message.contains(says), "{expression}: {failure}");
        }
    }

    #[tokio::test]
    async fn hostile_expressions_end_in_time_and_leave_the_process_alone() {
        let parens = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        let hostile = [
            parens.as_str(),
            "9**9**9",
            "10^10^10",
            "9!!!!",
            "1e300!",
            "100000!",
            "1e999999999",
            "1e300^1e300",
            "(\\x.x x)(\\x.x x)",
            "f = x: f x; f 1",
            "1 << 10000000000",
            "100000d6",
            "100000000 nCr 50000000",
            "(1/3)^1000000",
            "exp(exp(exp(100)))",
            "ln(10^1000000)",
            "(1/3) to 100000000 dp",
            "@debug 1",
            &"9".repeat(512),
            &"9^".repeat(255),
            &format!("3{}", "!".repeat(511)),
            &format!("2{}", "^2".repeat(255)),
            &format!("{}1{}", "exp(".repeat(64), ")".repeat(64)),
            &format!("{}9", "ln ".repeat(170)),
            &"1 to m ".repeat(73),
        ];
        for expression in hostile {
            let failure = calculate(expression).await.expect_err(expression);
            assert_eq!(failure.kind, FailureKind::InvalidInput, "{failure}");
            assert!(failure.message.len() < 600, "{}", failure.message.len());
        }
        let long = format!("{}1", "-".repeat(511));
        assert!(calculate(&long).await.is_ok(), "deep, and the stack is large enough");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn anything_that_looks_like_arithmetic_has_a_typed_end(
            expression in "[0-9()+*/^%! .,xekm-]{1,40}"
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            if let Err(failure) = runtime.block_on(calculate(&expression)) {
                prop_assert_eq!(failure.kind, FailureKind::InvalidInput, "{}", failure);
            }
        }
    }
}
