//! Several providers asked at once, as one provider.

use std::sync::Arc;

use super::consensus::{ConsensusOptions, consensus};
use crate::error::{Error, Result};
use crate::provider::message::{Completion, Request, Usage};
use crate::provider::{Pending, Provider};

/// Asks all of its providers and answers with the first answer of the largest group that says the same. Tools are
/// not offered: each provider would call its own.
#[derive(Debug)]
pub struct Agreed {
    name: String,
    providers: Vec<Arc<dyn Provider>>,
    options: ConsensusOptions,
    least: f64,
}

impl Agreed {
    /// Providers to ask, and the least share of answers that must say the same, in [0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for fewer than two providers, or a share outside [0, 1].
    pub fn new(
        name: impl Into<String>,
        providers: Vec<Arc<dyn Provider>>,
        options: ConsensusOptions,
        least: f64,
    ) -> Result<Self> {
        if providers.len() < 2 {
            return Err(Error::invalid(
                "providers",
                providers.len(),
                "at least 2 for a consensus",
            ));
        }
        if !(0.0..=1.0).contains(&least) {
            return Err(Error::invalid("min_agreement", least, "0 to 1"));
        }
        Ok(Agreed {
            name: name.into(),
            providers,
            options,
            least,
        })
    }

    /// Its providers, in order, and how it asks them: for [`consensus`], which returns all answers.
    pub fn parts(&self) -> (&[Arc<dyn Provider>], &ConsensusOptions) {
        (&self.providers, &self.options)
    }

    async fn ask(&self, request: &Request) -> Result<Completion> {
        let plain = Request {
            tools: Vec::new(),
            ..request.clone()
        };
        let all = consensus(&self.providers, &plain, &self.options).await?;
        let failed = |message: String| Error::Provider {
            provider: self.name.clone(),
            status: None,
            retryable: true,
            message,
        };
        let usage = all
            .answers
            .iter()
            .filter_map(|a| a.result.as_ref().ok()?.usage)
            .fold(None, |sum: Option<Usage>, more| {
                Some(sum.unwrap_or_default().plus(more))
            });
        let answered = all.answers.iter().filter(|a| a.result.is_ok()).count();
        // One answer alone agrees with nobody.
        if all.agreement.unwrap_or(0.0) < self.least {
            let said: Vec<String> = all
                .answers
                .iter()
                .map(|a| match (&a.result, a.group) {
                    (Err(error), _) => format!("{} failed: {error}", a.provider),
                    (Ok(_), Some(group)) => format!("{} is in group {}", a.provider, group + 1),
                    (Ok(_), None) => a.provider.clone(),
                })
                .collect();
            return Err(failed(format!(
                "no consensus: {answered} of {} answered, and {:.0} % of the answers agree where {:.0} % must ({})",
                self.providers.len(),
                100.0 * all.agreement.unwrap_or(0.0),
                100.0 * self.least,
                said.join("; ")
            )));
        }
        let mut answers = all.answers;
        let chosen = all.chosen.filter(|at| *at < answers.len());
        match chosen.map(|at| answers.swap_remove(at).result) {
            Some(Ok(completion)) => Ok(Completion {
                usage,
                ..completion
            }),
            _ => {
                let why: Vec<String> = answers
                    .iter()
                    .filter_map(|a| a.result.as_ref().err().map(Error::to_string))
                    .collect();
                Err(failed(why.join("; ")))
            }
        }
    }
}

impl Provider for Agreed {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        self.providers.first().map_or("", |p| p.model())
    }

    fn real_ai(&self) -> bool {
        self.providers.iter().any(|p| p.real_ai())
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(self.ask(request))
    }
}
