//! What a call costs, from a dated table that is data.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::provider::message::{Request, Usage};

/// US dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The model's name, or the beginning of it; the longest that fits counts.
    pub model: String,
    /// Tokens of requests.
    pub input: f64,
    /// Tokens of completions, reasoning included.
    pub output: f64,
    /// Tokens of requests that were read from the provider's cache; as `input` where `None`.
    #[serde(default)]
    pub cached: Option<f64>,
}

impl Price {
    /// What a call cost, in millionths of a US dollar, rounded up; `None` where its tokens are not known.
    pub fn cost(&self, usage: &Usage) -> Option<u64> {
        let (input, output) = (usage.input?, usage.output?);
        let cached = usage.cached.unwrap_or(0).min(input);
        let dollars_per_million = (input - cached) as f64 * self.input
            + cached as f64 * self.cached.unwrap_or(self.input)
            + output as f64 * self.output;
        Some(dollars_per_million.ceil() as u64)
    }
}

/// Prices of one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// When they were valid, `YYYY-MM-DD`.
    pub date: String,
    /// The prices.
    #[serde(default)]
    pub prices: Vec<Price>,
}

impl PriceTable {
    /// The table that is built in; prices change, so a host gives its own where money matters.
    ///
    /// # Errors
    /// None: the table is checked by a test.
    pub fn built_in() -> Result<Self> {
        Self::from_toml(include_str!("../prices.toml"))
    }

    /// Reads a table.
    ///
    /// ```
    /// use nis_core::provider::{Usage, route::PriceTable};
    /// let table = PriceTable::from_toml("
    ///     date = '2026-11-24'
    ///     prices = [{ model = 'm', input = 2.0, output = 10.0, cached = 0.2 }]
    /// ")?;
    /// let usage = Usage { input: Some(1000), output: Some(100), cached: Some(500), ..Usage::default() };
    /// // 500 at 2, 500 at 0.2 and 100 at 10 dollars for a million, in millionths of a dollar
    /// assert_eq!(table.cost("m-large", &usage), Some(2100));
    /// assert_eq!(table.cost("other", &usage), None);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for text that is no such table, and prices that are negative or not finite.
    pub fn from_toml(text: &str) -> Result<Self> {
        let table: PriceTable = toml::from_str(text)
            .map_err(|e| Error::invalid("price table", e.message(), "date and prices"))?;
        for price in &table.prices {
            for (field, value) in [
                ("input", Some(price.input)),
                ("output", Some(price.output)),
                ("cached", price.cached),
            ] {
                if let Some(v) = value.filter(|v| v.is_nan() || *v < 0.0 || *v > 1e9) {
                    return Err(Error::invalid(
                        format!("price table: {field} of {}", price.model),
                        v,
                        "dollars for a million tokens",
                    ));
                }
            }
        }
        Ok(table)
    }

    /// The price of a model; `None` where the table does not know it.
    pub fn price(&self, model: &str) -> Option<&Price> {
        self.prices
            .iter()
            .filter(|p| model.starts_with(&p.model))
            .max_by_key(|p| p.model.len())
    }

    /// What a call cost, in millionths of a US dollar, rounded up; `None` where the model or its tokens are not
    /// known.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<u64> {
        self.price(model)?.cost(usage)
    }

    /// What a call may cost at most, in millionths of a US dollar: the request's text at two bytes a token (no
    /// tokeniser makes more of usual text), and the longest completion. `None` where the model's price or the
    /// longest completion is not known.
    pub fn most(&self, model: &str, request: &Request) -> Option<u64> {
        let bytes = serde_json::to_string(request).ok()?.len() as u64;
        let usage = Usage {
            input: Some(bytes / 2),
            output: Some(u64::from(request.max_tokens?)),
            ..Usage::default()
        };
        self.cost(model, &usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_whole() {
        let table = PriceTable::built_in().unwrap();
        assert!(table.prices.len() >= 15 && table.date.len() == 10);
        let of = |model: &str| table.price(model).map(|p| (p.input, p.output));
        assert_eq!(of("claude-sonnet-5-5"), Some((2.0, 10.0)));
        assert_eq!(of("gpt-5.6-luna-2026-10-01"), Some((0.2, 1.2)));
        assert_eq!(of("gpt-5.6-sol"), Some((4.0, 20.0)));
        assert_eq!(of("my-own-model"), None);
        let unknown = Usage {
            input: Some(5),
            ..Usage::default()
        };
        assert_eq!(table.cost("claude-sonnet-5-5", &unknown), None);
        for bad in [
            "",
            "date = 1",
            "date = 'd'\nprices = [{ model = 'm', input = -1.0, output = 1.0 }]",
            "date = 'd'\nprices = [{ model = 'm', input = nan, output = 1.0 }]",
            "date = 'd'\nextra = 1",
        ] {
            assert!(PriceTable::from_toml(bad).is_err(), "{bad}");
        }
    }
}
