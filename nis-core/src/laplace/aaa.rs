//! Rational approximation from samples by the AAA algorithm (Nakatsukasa, Sete and Trefethen, SIAM J. Sci. Comput.
//! 40 (2018) A1494), of one function or of several that share their poles.

mod poles;
mod weights;

pub use poles::PartialFractions;

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::telemetry::Progress;
use weights::{Node, Samples};

/// How [`aaa`] approximates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AaaOptions {
    /// Largest error at the samples, against the largest sample of the same function, that ends the search.
    pub tolerance: f64,
    /// Largest degree of numerator and denominator.
    pub max_degree: usize,
    /// Whether the functions are real on the real axis, `F(conj s) = conj F(s)`: the approximation is then
    /// symmetric to the last bit and its poles come in exact conjugate pairs.
    pub conjugate: bool,
    /// Whether poles with a negligible residue (Froissart doublets) are removed.
    pub cleanup: bool,
    /// A residue is negligible below this share of the largest sample times the distance of its pole to the
    /// samples.
    pub cleanup_tolerance: f64,
}

impl Default for AaaOptions {
    fn default() -> Self {
        AaaOptions {
            tolerance: 1e-13,
            max_degree: 100,
            conjugate: true,
            cleanup: true,
            cleanup_tolerance: 1e-13,
        }
    }
}

/// Rational functions in barycentric form with common support points `z_j` and weights `w_j`,
/// `r_k(s) = sum_j w_j f_kj/(s - z_j) / sum_j w_j/(s - z_j)`; they take the value `f_kj` at `z_j`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Barycentric {
    support: Vec<Complex64>,
    weights: Vec<Complex64>,
    values: Vec<Vec<Complex64>>,
    conjugate: bool,
    error: f64,
    removed: usize,
    /// Poles of negligible residue that could not be removed; a conjugate pair is given once.
    doublets: Vec<Complex64>,
    /// All poles, where they were computed before.
    #[serde(skip)]
    known: Option<Vec<Complex64>>,
}

impl Barycentric {
    /// The support points. Where the approximation is symmetric, a point off the real axis is followed by its
    /// conjugate.
    pub fn support(&self) -> &[Complex64] {
        &self.support
    }

    /// The weights, one per support point, of norm 1.
    pub fn weights(&self) -> &[Complex64] {
        &self.weights
    }

    /// `values()[k][j]`: function `k` at support point `j`.
    pub fn values(&self) -> &[Vec<Complex64>] {
        &self.values
    }

    /// Degree of numerator and denominator.
    pub fn degree(&self) -> usize {
        self.support.len().saturating_sub(1)
    }

    /// Number of functions.
    pub fn functions(&self) -> usize {
        self.values.len()
    }

    /// Whether the approximation is symmetric about the real axis.
    pub fn conjugate(&self) -> bool {
        self.conjugate
    }

    /// Largest error at the samples, against the largest sample of the same function.
    pub fn error(&self) -> f64 {
        self.error
    }

    /// Number of Froissart doublets that were removed.
    pub fn removed(&self) -> usize {
        self.removed
    }

    /// All functions at one point. A pole gives infinity or NaN.
    pub fn evaluate(&self, s: Complex64) -> Vec<Complex64> {
        if let Some(j) = self.support.iter().position(|z| *z == s) {
            return self.values.iter().map(|f| f[j]).collect();
        }
        let cauchy: Vec<Complex64> = self
            .support
            .iter()
            .zip(&self.weights)
            .map(|(z, w)| w / (s - z))
            .collect();
        let denominator: Complex64 = cauchy.iter().sum();
        self.values
            .iter()
            .map(|f| f.iter().zip(&cauchy).map(|(f, c)| f * c).sum::<Complex64>() / denominator)
            .collect()
    }
}

/// What [`aaa`] needs beyond the degree: samples over unknowns.
const LEAST_SAMPLES: usize = 3;

/// Approximates functions by rational functions with common poles from their samples: `functions[k][i]` is
/// function `k` at `s[i]`.
///
/// Support points are added where the error is largest; the weights minimise the linearised error over all
/// other samples and functions, each function divided by its largest sample (as in Lietaert, Meerbergen, Perez
/// and Vandereycken, IMA J. Numer. Anal. 42 (2022) 1087). Where the tolerance is not reached, the least degree
/// whose error is within twice the smallest is taken. Costs about `samples * functions * degree^3` operations.
///
/// ```
/// use nis_core::{laplace::aaa::{AaaOptions, aaa}, telemetry::Progress};
/// use num_complex::Complex64;
/// let s: Vec<Complex64> = (0..40).map(|k| Complex64::new(0.1, 0.25 * f64::from(k))).collect();
/// // A pair of poles at -1 +- 2i.
/// let f: Vec<Complex64> = s.iter().map(|s| (s + 3.0) / ((s + 1.0) * (s + 1.0) + 4.0)).collect();
/// let r = aaa(&s, &[&f], &AaaOptions::default(), &Progress::none())?;
/// let poles = r.poles()?;
/// assert_eq!(poles.len(), 2);
/// assert!((poles[0] - Complex64::new(-1.0, 2.0)).norm() < 1e-12);
/// assert_eq!(poles[1], poles[0].conj());
/// assert!((r.residues(&poles)[0][0] - Complex64::new(0.5, -0.5)).norm() < 1e-12);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for fewer than 3 samples, samples that are not finite or not distinct, lists that
/// differ in length, bad options, or (for symmetric functions) a sample on the real axis that is not real;
/// [`Error::Numerical`] where a decomposition does not converge; [`Error::Cancelled`] on request.
pub fn aaa(
    s: &[Complex64],
    functions: &[&[Complex64]],
    options: &AaaOptions,
    progress: &Progress<'_>,
) -> Result<Barycentric> {
    check(s, functions, options)?;
    let samples = Samples::new(s, functions, options.conjugate)?;
    // As many equations as unknowns remain once every support point has taken its own samples out.
    let room = samples.len() * if options.conjugate { 2 } else { 1 } / 2;
    let highest = options.max_degree.min(room.saturating_sub(1));
    let (mut model, mut errors) = samples.constant();
    let mut nodes: Vec<Node> = Vec::new();
    let mut steps: Vec<Barycentric> = Vec::new();
    while model.error > options.tolerance {
        let Some(worst) = samples.worst(&errors, &nodes) else {
            break;
        };
        nodes.push(samples.node(worst));
        if samples.unknowns(&nodes) > highest + 1 && !steps.is_empty() {
            break;
        }
        progress.report(
            "laplace",
            samples.unknowns(&nodes) as u64,
            highest as u64 + 1,
            "rational approximation",
        )?;
        (model, errors) = samples.solve(&nodes)?;
        steps.push(model.clone());
        if stalled(&steps) {
            break;
        }
    }
    let least = steps.iter().map(|m| m.error).fold(f64::INFINITY, f64::min);
    let bar = (2.0 * least).max(options.tolerance);
    let Some(at) = steps.iter().position(|m| m.error <= bar) else {
        return Ok(model);
    };
    nodes.truncate(at + 1);
    let model = steps.swap_remove(at);
    if options.cleanup {
        clean(&samples, nodes, model, options)
    } else {
        Ok(model)
    }
}

/// Whether the last steps gained nothing: rounding or noise is reached.
fn stalled(steps: &[Barycentric]) -> bool {
    const PATIENCE: usize = 10;
    let Some(split) = steps.len().checked_sub(PATIENCE) else {
        return false;
    };
    let least = |part: &[Barycentric]| part.iter().map(|m| m.error).fold(f64::INFINITY, f64::min);
    split > 0 && least(&steps[split..]) > 0.5 * least(&steps[..split])
}

/// Removes the support points next to poles of negligible residue and solves once more; the former model
/// stays where the new one is worse. What remains of such poles is noted, and left out by
/// [`Barycentric::poles`].
fn clean(
    samples: &Samples,
    mut nodes: Vec<Node>,
    mut model: Barycentric,
    options: &AaaOptions,
) -> Result<Barycentric> {
    let doublets = samples.doublets(&mut model, options.cleanup_tolerance)?;
    if doublets.is_empty() {
        return Ok(model);
    }
    let keep = |mut model: Barycentric, doublets| {
        model.doublets = doublets;
        Ok(model)
    };
    for pole in &doublets {
        if let Some(at) = samples.nearest(&nodes, *pole) {
            nodes.remove(at);
        }
    }
    let (mut cleaned, _) = if nodes.is_empty() {
        samples.constant()
    } else {
        samples.solve(&nodes)?
    };
    cleaned.removed = model.degree().saturating_sub(cleaned.degree());
    let bar = 10.0 * model.error.max(options.tolerance);
    // The points of a symmetric approximation come in pairs, so one real pole too many cannot be taken out.
    if cleaned.error <= bar {
        let left = samples.doublets(&mut cleaned, options.cleanup_tolerance)?;
        keep(cleaned, left)
    } else {
        keep(model, doublets)
    }
}

fn check(s: &[Complex64], functions: &[&[Complex64]], options: &AaaOptions) -> Result<()> {
    if s.len() < LEAST_SAMPLES {
        return Err(Error::invalid(
            "s",
            format!("{} points", s.len()),
            format!("at least {LEAST_SAMPLES}"),
        ));
    }
    if functions.is_empty() {
        return Err(Error::invalid("functions", "none", "at least one"));
    }
    if let Some(at) = s.iter().position(|s| !s.is_finite()) {
        return Err(Error::invalid(format!("s[{at}]"), s[at], "finite points"));
    }
    for (k, f) in functions.iter().enumerate() {
        if f.len() != s.len() {
            return Err(Error::invalid(
                format!("functions[{k}]"),
                format!("{} values", f.len()),
                format!("{}, one per point", s.len()),
            ));
        }
        if let Some(at) = f.iter().position(|f| !f.is_finite()) {
            return Err(Error::invalid(
                format!("functions[{k}][{at}]"),
                f[at],
                "finite values",
            ));
        }
    }
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(Error::invalid("tolerance", options.tolerance, "0 or more"));
    }
    if options.cleanup_tolerance.is_nan() || options.cleanup_tolerance < 0.0 {
        return Err(Error::invalid(
            "cleanup_tolerance",
            options.cleanup_tolerance,
            "0 or more",
        ));
    }
    if options.max_degree == 0 || options.max_degree > 500 {
        return Err(Error::invalid("max_degree", options.max_degree, "1 to 500"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
