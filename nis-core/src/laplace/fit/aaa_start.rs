//! Starting poles from a rational approximation by AAA.

use num_complex::Complex64;

use super::basis::{order, width};
use super::data::Samples;
use super::order::spread;
use crate::error::{Error, Result};
use crate::laplace::aaa::{AaaOptions, aaa};
use crate::telemetry::Progress;

/// Mixtures of the elements that AAA approximates together: the strongest.
const FUNCTIONS: usize = 8;

/// Samples that AAA sees at most; of more, evenly many are left out.
const SAMPLES: usize = 1200;

/// Exactly `wanted` poles: those of the AAA approximation of that degree nearest to the points, filled up with
/// spread ones. `None` where AAA finds none.
pub(super) fn poles(
    samples: &Samples,
    wanted: usize,
    stable: bool,
    progress: &Progress<'_>,
) -> Result<Option<Vec<Complex64>>> {
    let Some(group) = samples.groups.first() else {
        return Ok(None);
    };
    // Distinct weighted points in the upper half plane: conjugates are implied.
    let mut used: Vec<(usize, Complex64)> = samples
        .s
        .iter()
        .enumerate()
        .filter(|(k, _)| group.weight[*k] > 0.0)
        .map(|(k, s)| (k, Complex64::new(s.re, s.im.abs())))
        .collect();
    used.sort_by(|a, b| a.1.im.total_cmp(&b.1.im).then(a.1.re.total_cmp(&b.1.re)));
    used.dedup_by(|a, b| a.1 == b.1);
    let stride = used.len().div_ceil(SAMPLES).max(1);
    let used: Vec<(usize, Complex64)> = used.into_iter().step_by(stride).collect();
    let s: Vec<Complex64> = used.iter().map(|(_, s)| *s).collect();
    let functions: Vec<Vec<Complex64>> = samples
        .groups
        .iter()
        .flat_map(|g| &g.directions)
        .take(FUNCTIONS)
        .map(|d| {
            used.iter()
                .map(|(k, _)| {
                    if samples.s[*k].im < 0.0 {
                        d[*k].conj()
                    } else {
                        d[*k]
                    }
                })
                .collect()
        })
        .collect();
    let views: Vec<&[Complex64]> = functions.iter().map(Vec::as_slice).collect();
    let options = AaaOptions {
        max_degree: wanted,
        conjugate: true,
        ..AaaOptions::default()
    };
    let found = match aaa(&s, &views, &options, progress) {
        Ok(r) => r.poles(),
        Err(e) => Err(e),
    };
    let mut poles: Vec<Complex64> = match found {
        Ok(poles) => poles
            .into_iter()
            .filter(|p| p.im >= 0.0 && p.is_finite() && p.norm() > 0.0)
            .map(|p| {
                if stable {
                    Complex64::new(-p.re.abs().max(1e-9 * p.norm()), p.im)
                } else {
                    p
                }
            })
            .collect(),
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        // Too few points for AAA, or no decomposition: the caller starts elsewhere.
        Err(_) => return Ok(None),
    };
    if poles.is_empty() {
        return Ok(None);
    }
    // Farthest from the points first to go.
    let middle = |p: &Complex64| {
        s.iter()
            .map(|s| (s - p).norm())
            .fold(f64::INFINITY, f64::min)
    };
    poles.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    while order(&poles) > wanted {
        if let Some(last) = poles.pop()
            && width(last) == 2
            && order(&poles) + 1 == wanted
        {
            poles.push(Complex64::new(-last.norm(), 0.0));
        }
    }
    if order(&poles) < wanted {
        poles.extend(spread(samples, wanted - order(&poles)));
    }
    Ok(Some(poles))
}
