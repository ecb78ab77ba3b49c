//! What models cost, by name: the program's list, or one of the person's own.
//!
//! In the program's list only a model at its provider's own address has a price: what a server
//! behind a base URL costs is not ours to know. Whoever writes a list of their own knows it, so that
//! one holds wherever the model is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sortie_llm::{ModelName, Provider};

use crate::model::Price;

/// The program's list.
const BUILTIN: &str = include_str!("../prices.toml");
/// A list of every model that there ever was has fewer bytes.
const MAX_BYTES: u64 = 1 << 20;
/// A million tokens for a dollar is a thousand billionths for each.
const NANODOLLARS: f64 = 1000.0;
/// Dollars for a million tokens: more is a slip of the pen.
const MAX_DOLLARS: f64 = 100_000.0;

/// Prices by provider and model, of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    date: String,
    /// Whether it holds behind base URLs too.
    everywhere: bool,
    prices: BTreeMap<(String, String), Vec<Tier>>,
}

/// A price, and the longest prompt that it holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tier {
    up_to: u64,
    price: Price,
}

/// Why prices cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPrices {
    /// The file cannot be read.
    #[error("cannot read the prices {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text is no list of prices.
    #[error("the prices {}: {message}", .path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and in which line.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    currency: String,
    #[serde(default)]
    openai: BTreeMap<String, Rows>,
    #[serde(default)]
    anthropic: BTreeMap<String, Rows>,
    #[serde(default)]
    gemini: BTreeMap<String, Rows>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rows {
    One(Row),
    Many(Vec<Row>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    output: f64,
    #[serde(default = "any_length")]
    up_to: u64,
    from: Option<String>,
    until: Option<String>,
}

const fn any_length() -> u64 {
    u64::MAX
}

impl PriceList {
    /// The program's list as it holds on a day, `2026-11-22`.
    #[must_use]
    pub fn builtin(today: &str) -> Self {
        // A test of this file reads it.
        Self::parse(BUILTIN, today).unwrap_or_default()
    }

    /// The list of a file, as it holds on a day.
    ///
    /// # Errors
    /// If it cannot be read or is no list of prices.
    pub fn read(path: &Path, today: &str) -> Result<Self, BadPrices> {
        let bad = |message| BadPrices::Text { path: path.to_owned(), message };
        let failed = |source| BadPrices::Read { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(failed)?.len();
        if bytes > MAX_BYTES {
            return Err(bad(format!("has {bytes} bytes, at most {MAX_BYTES} fit")));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let list = Self::parse(&text, today).map_err(bad)?;
        Ok(Self { everywhere: true, ..list })
    }

    fn parse(text: &str, today: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            format!("line {line}: {}", error.message())
        })?;
        if file.currency != "USD" {
            return Err(format!("currency is `{}`, must be USD", file.currency));
        }
        let mut list = Self { date: file.date, ..Self::default() };
        for (provider, models) in [
            (Provider::OpenAi, file.openai),
            (Provider::Anthropic, file.anthropic),
            (Provider::Gemini, file.gemini),
        ] {
            for (model, rows) in models {
                let tiers = tiers(rows, today).map_err(|fault| format!("{model}: {fault}"))?;
                list.prices.insert((provider.as_str().to_owned(), model), tiers);
            }
        }
        Ok(list)
    }

    /// When the prices were read, as the list says: `2026-11-22`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// What a call with so many tokens of input costs, if that is known.
    #[must_use]
    pub fn price(&self, name: &ModelName, input_tokens: u64) -> Option<Price> {
        if name.base_url.is_some() && !self.everywhere {
            return None;
        }
        let tiers = |model: &str| self.prices.get(&(name.provider.to_owned(), model.to_owned()));
        let tiers = tiers(&name.model).or_else(|| tiers(without_date(&name.model)?))?;
        tiers.iter().find(|tier| input_tokens <= tier.up_to).map(|tier| tier.price)
    }
}

/// The rows that hold today, those of short prompts first.
fn tiers(rows: Rows, today: &str) -> Result<Vec<Tier>, String> {
    let rows = match rows {
        Rows::One(row) => vec![row],
        Rows::Many(rows) => rows,
    };
    // Days that are written with the year first are in the order of their letters.
    let holds = |row: &Row| {
        row.from.as_deref().is_none_or(|from| from <= today)
            && row.until.as_deref().is_none_or(|until| today <= until)
    };
    let mut tiers = Vec::new();
    for row in &rows {
        let price = Price { input: nanodollars(row.input)?, output: nanodollars(row.output)? };
        if holds(row) {
            tiers.push(Tier { up_to: row.up_to, price });
        }
    }
    tiers.sort_by_key(|tier| tier.up_to);
    Ok(tiers)
}

fn nanodollars(dollars: f64) -> Result<u64, String> {
    match (0.0..=MAX_DOLLARS).contains(&dollars) {
        // It is no fraction, above 0, and far below what an integer holds.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
        true => Ok((dollars * NANODOLLARS).round() as u64),
        false => Err(format!("is {dollars}, must be between 0 and {MAX_DOLLARS}")),
    }
}

/// The model of which this is a release: `gpt-5-2025-08-07` and `claude-haiku-4-5-20251001` are,
/// `gpt-5-mini` is not.
fn without_date(model: &str) -> Option<&str> {
    let year = |text: &str| text.starts_with("20");
    let digits = |text: &str, count: usize| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if let Some((name, date)) = model.rsplit_once('-').filter(|(_, date)| digits(date, 8)) {
        return year(date).then_some(name);
    }
    let mut parts = model.rsplitn(4, '-');
    let (day, month, written) = (parts.next()?, parts.next()?, parts.next()?);
    let is_date = digits(day, 2) && digits(month, 2) && digits(written, 4) && year(written);
    parts.next().filter(|_| is_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-22";

    fn name(provider: &'static str, model: &str) -> ModelName {
        ModelName { provider, model: model.into(), base_url: None }
    }

    #[test]
    fn the_programs_list_is_one() {
        let list = PriceList::parse(BUILTIN, TODAY).unwrap();
        assert_eq!(list, PriceList::builtin(TODAY));
        assert!(list.date().starts_with("20") && list.date().len() == 10);
        let price = list.price(&name("anthropic", "claude-haiku-5-5"), 100_000);
        assert_eq!(price, Some(Price { input: 100, output: 500 }));
        let long = list.price(&name("anthropic", "claude-haiku-5-5"), 100_001);
        assert_eq!(long, Some(Price { input: 500, output: 2500 }));
        assert_eq!(list.price(&name("openai", "gpt-6.1-sol"), 272_001), None);
    }

    #[test]
    fn a_name_stands_for_its_dated_releases_and_for_no_other_model() {
        let list = PriceList::builtin(TODAY);
        let input = |model: &str| list.price(&name("openai", model), 1).map(|price| price.input);
        assert_eq!(input("gpt-5"), Some(1250));
        assert_eq!(input("gpt-5-2025-08-07"), Some(1250));
        assert_eq!(input("gpt-5-mini-2025-08-07"), Some(250));
        for stranger in ["gpt-5-nano", "gpt-5-2025", "gpt-5-codex-2025-08-07", "gpt", ""] {
            assert_eq!(input(stranger), None, "{stranger}");
        }
        let haiku = list.price(&name("anthropic", "claude-haiku-4-5-20251001"), 1);
        assert_eq!(haiku, Some(Price { input: 1000, output: 5000 }));
        assert_eq!(list.price(&name("anthropic", "claude-haiku-4-5-12345678"), 1), None);
    }

    #[test]
    fn only_ones_own_list_prices_what_is_behind_a_base_url() {
        let list = PriceList::builtin(TODAY);
        let elsewhere = ModelName { base_url: Some("http://h".into()), ..name("openai", "gpt-5") };
        assert_eq!(list.price(&elsewhere, 1), None);
        assert_eq!(list.price(&name("script", "gpt-5"), 1), None);
        assert_eq!(list.price(&name("anthropic", "gpt-5"), 1), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), BUILTIN).unwrap();
        let own = PriceList::read(file.path(), TODAY).unwrap();
        assert_eq!(own.price(&elsewhere, 1), list.price(&name("openai", "gpt-5"), 1));
        assert_eq!(own.price(&name("script", "gpt-5"), 1), None);
    }

    #[test]
    fn a_price_holds_in_its_time() {
        let input = |today| {
            let list = PriceList::builtin(today);
            list.price(&name("gemini", "gemini-3.8-flash"), 1).map(|price| price.input)
        };
        assert_eq!((input("2026-12-31"), input("2027-01-01")), (Some(750), Some(1500)));
    }

    #[test]
    fn a_list_that_is_none_says_where() {
        let head = "date = \"2026-01-01\"\ncurrency = \"USD\"\n[openai]\n";
        for (text, says) in [
            ("currency = \"USD\"", "missing field `date`"),
            ("date = \"x\"\ncurrency = \"EUR\"", "currency is `EUR`, must be USD"),
            (&format!("{head}\"x\" = {{ input = -1, output = 2 }}"), "x: is -1, must be"),
            (&format!("{head}= 1"), "line 4: "),
        ] {
            let fault = PriceList::parse(text, TODAY).unwrap_err();
            assert!(fault.contains(says), "{fault}");
        }
        let missing = PriceList::read(Path::new("/nowhere/prices.toml"), TODAY).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the prices /nowhere/prices.toml");
    }
}
