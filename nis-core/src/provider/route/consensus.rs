//! Several providers asked the same at once, and how far their answers agree.

use std::sync::Arc;

use super::price::PriceTable;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::provider::message::{Completion, Request};

/// Two numbers agree where they differ by at most this share.
const SAME: f64 = 1e-3;

/// How providers are asked together.
#[derive(Debug, Clone, Default)]
pub struct ConsensusOptions {
    /// Most that all calls may cost together, in millionths of a US dollar; a call whose price is not known is then
    /// refused.
    pub max_cost: Option<u64>,
    /// The prices.
    pub prices: Option<PriceTable>,
}

/// What one provider answered.
#[derive(Debug)]
pub struct Answer {
    /// The provider's name.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// Its completion, or why there is none.
    pub result: Result<Completion>,
    /// The group of answers that say the same; `None` without an answer.
    pub group: Option<usize>,
}

/// What all of them answered.
#[derive(Debug)]
pub struct Consensus {
    /// In the order of the providers; failures too.
    pub answers: Vec<Answer>,
    /// Share of the answers that are in the largest group; `None` where fewer than two answered.
    pub agreement: Option<f64>,
    /// Index of the first answer of the largest group; `None` where nobody answered.
    pub chosen: Option<usize>,
    /// What the calls cost, in millionths of a US dollar; `None` where it is not known for each.
    pub cost: Option<u64>,
}

/// Asks all providers the same in parallel. Two answers say the same where their last numbers agree to 0.1 %, or,
/// without numbers, where their words do (letters and digits, in any case).
///
/// # Errors
/// [`Error::InvalidInput`] for fewer than two providers; [`Error::Limit`] where the calls may cost more than allowed,
/// [`Error::Unavailable`] where nobody can say what they cost. Failures of single providers are answers.
pub async fn consensus(
    providers: &[Arc<dyn Provider>],
    request: &Request,
    options: &ConsensusOptions,
) -> Result<Consensus> {
    if providers.len() < 2 {
        return Err(Error::invalid(
            "providers",
            providers.len(),
            "at least 2 for a consensus",
        ));
    }
    let built_in;
    let prices = match &options.prices {
        Some(prices) => prices,
        None => {
            built_in = PriceTable::built_in()?;
            &built_in
        }
    };
    if let Some(limit) = options.max_cost {
        let mut most = 0u64;
        for provider in providers {
            let cost = prices.most(provider.model(), request).ok_or_else(|| {
                Error::unavailable(
                    "consensus under a cost limit",
                    format!(
                        "what {} may cost is not known: max_tokens and a price are needed",
                        provider.model()
                    ),
                )
            })?;
            most = most.saturating_add(cost);
        }
        if most > limit {
            return Err(Error::Limit {
                what: "cost of a consensus in millionths of a US dollar".into(),
                limit,
                got: most,
            });
        }
    }
    // Dropping the set stops the calls, so a caller that goes away leaves none behind.
    let mut running = tokio::task::JoinSet::new();
    let shared = Arc::new(request.clone());
    for (n, provider) in providers.iter().enumerate() {
        let (provider, request) = (provider.clone(), shared.clone());
        running.spawn(async move { (n, provider.complete(&request).await) });
    }
    let mut results: Vec<Option<Result<Completion>>> = providers.iter().map(|_| None).collect();
    while let Some(ended) = running.join_next().await {
        let (n, result) = ended.map_err(|e| Error::Internal {
            message: format!("a provider's task ended: {e}"),
        })?;
        if let Some(place) = results.get_mut(n) {
            *place = Some(result);
        }
    }
    let mut groups: Vec<Said> = Vec::new();
    let mut answers = Vec::new();
    for (provider, result) in providers.iter().zip(results) {
        let result = result.unwrap_or(Err(Error::Cancelled));
        let group = result.as_ref().ok().map(|completion| {
            let said = Said::of(&completion.text);
            match groups.iter().position(|g| g.same(&said)) {
                Some(at) => at,
                None => {
                    groups.push(said);
                    groups.len() - 1
                }
            }
        });
        answers.push(Answer {
            provider: provider.name().into(),
            model: provider.model().into(),
            result,
            group,
        });
    }
    let size = |g: usize| answers.iter().filter(|a| a.group == Some(g)).count();
    let answered: usize = (0..groups.len()).map(size).sum();
    // The first of the largest groups.
    let largest = (0..groups.len()).max_by_key(|g| (size(*g), std::cmp::Reverse(*g)));
    let chosen = largest.and_then(|g| answers.iter().position(|a| a.group == Some(g)));
    let agreement = largest
        .filter(|_| answered >= 2)
        .map(|g| size(g) as f64 / answered as f64);
    let cost = answers
        .iter()
        .filter_map(|a| a.result.as_ref().ok().map(|c| (a, c)))
        .map(|(a, c)| prices.cost(&a.model, c.usage.as_ref()?))
        .sum();
    Ok(Consensus {
        answers,
        agreement,
        chosen,
        cost,
    })
}

/// What an answer comes down to.
enum Said {
    Number(f64),
    Words(String),
}

impl Said {
    fn of(text: &str) -> Self {
        let words: Vec<String> = text
            .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+')))
            .map(|w| w.trim_end_matches(['.', '-', '+']).to_lowercase())
            .filter(|w| !w.is_empty())
            .collect();
        match words.iter().rev().find_map(|w| w.parse::<f64>().ok()) {
            Some(v) if v.is_finite() => Said::Number(v),
            _ => Said::Words(words.join(" ")),
        }
    }

    fn same(&self, other: &Said) -> bool {
        match (self, other) {
            (Said::Number(a), Said::Number(b)) => (a - b).abs() <= SAME * a.abs().max(b.abs()),
            (Said::Words(a), Said::Words(b)) => a == b,
            _ => false,
        }
    }
}
