//! Inversion by concentrated matrix-exponential distributions: `f` averaged over a narrow density around `t`.
//!
//! Horvath, Horvath, Almousa and Telek, Performance Evaluation 137 (2020) 102067: the density is
//! proportional to `e^-x prod_i cos^2((omega x - phi_i)/2)` with `omega` and the phases of least variance. It is never
//! negative, so there is no overshoot at jumps; the error of smooth `f` is about `variation t^2 f''(t)/2`.

use std::sync::OnceLock;

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

/// A density with mean 1 as `sum_k eta_k e^{-beta_k x}`, the terms of one of each conjugate pair.
struct Density {
    eta: Vec<Complex64>,
    beta: Vec<Complex64>,
}

impl Density {
    /// From `omega` and the phases, by the Fourier coefficients of the product.
    fn new(parameters: &[f64]) -> Self {
        let Some((omega, phases)) = parameters.split_first() else {
            return Density {
                eta: Vec::new(),
                beta: Vec::new(),
            };
        };
        let mut c = vec![Complex64::new(1.0, 0.0)];
        for phase in phases {
            let outer = Complex64::from_polar(0.25, *phase);
            let mut next = vec![Complex64::default(); c.len() + 2];
            for (k, v) in c.iter().enumerate() {
                next[k] += v * outer;
                next[k + 1] += v * 0.5;
                next[k + 2] += v * outer.conj();
            }
            c = next;
        }
        let n = phases.len();
        let rate = |k: usize| Complex64::new(1.0, -omega * (k as f64 - n as f64));
        let moment = |power: i32| -> f64 {
            c.iter()
                .enumerate()
                .map(|(k, c)| (c / rate(k).powi(power)).re)
                .sum()
        };
        let (mass, first) = (moment(1), moment(2));
        let mean = first / mass;
        // The middle coefficient stands for itself, the upper ones for two.
        let eta = (n..=2 * n)
            .map(|k| c[k] * (mean / mass * if k == n { 1.0 } else { 2.0 }))
            .collect();
        let beta = (n..=2 * n).map(|k| rate(k) * mean).collect();
        Density { eta, beta }
    }

    fn apply(
        &self,
        source: &mut Source<'_>,
        times: &[f64],
        abscissa: f64,
    ) -> Result<Vec<Estimate>> {
        let mut out = Vec::with_capacity(times.len());
        for t in times {
            let s: Vec<Complex64> = self.beta.iter().map(|b| abscissa + b / t).collect();
            let f = source.values(&s)?;
            let (mut sum, mut size) = (0.0, 0.0);
            for (eta, f) in self.eta.iter().zip(&f) {
                let term = eta * f;
                sum += term.re;
                size += term.norm();
            }
            let scale = growth(abscissa, *t) / t;
            out.push(Estimate {
                value: sum * scale,
                error: f64::EPSILON * size * scale,
            });
        }
        Ok(out)
    }
}

/// The densities of 10, 25 and 50 factors; their squared coefficients of variation are 4.7e-3, 7.1e-4 and
/// 1.6e-4.
fn densities() -> &'static [Density; 3] {
    static ALL: OnceLock<[Density; 3]> = OnceLock::new();
    ALL.get_or_init(|| {
        [
            Density::new(&SMALL),
            Density::new(&MIDDLE),
            Density::new(&LARGE),
        ]
    })
}

/// What the change from the smaller density is of the error of the larger: about the ratio of their widths,
/// as it is near jumps.
const SHARE: f64 = 0.5;

/// The method with 51 (and 26 to tell the error) values of `F` per time; `nodes` below 40 takes 26 and 11.
pub(super) fn cme(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    nodes: Option<usize>,
) -> Result<Vec<Estimate>> {
    let [small, middle, large] = densities();
    let (fine, coarse) = match nodes {
        Some(n) if n < 40 => (middle, small),
        _ => (large, middle),
    };
    let fine = fine.apply(source, times, abscissa)?;
    let coarse = coarse.apply(source, times, abscissa)?;
    Ok(fine
        .iter()
        .zip(&coarse)
        .map(|(a, b)| {
            let change = a.against(b);
            Estimate {
                value: change.value,
                error: (SHARE * change.error).max(a.error),
            }
        })
        .collect())
}

// Frequency and phases, computed by scripts/laplace_cme.py.

const SMALL: [f64; 11] = [
    0.6912794306556131,
    3.184632535696886,
    3.667297732118437,
    3.36642065749495,
    4.047633958591631,
    4.479318971084466,
    4.946377316938935,
    5.440110177592898,
    5.956120367338418,
    6.492993756034842,
    7.052397628839706,
];

const MIDDLE: [f64; 26] = [
    0.5495752942661394,
    2.27478129038015,
    2.578252034744688,
    3.236059007820775,
    3.3584347965435293,
    3.686796925227906,
    3.1602627715411455,
    3.512305280119568,
    3.8751992578392067,
    4.073449506431234,
    4.279000628571621,
    4.490197908429798,
    4.7059305608024555,
    4.9254201835527995,
    5.148120110106291,
    5.373642577486951,
    5.601713082512719,
    5.832142828077145,
    6.064814456831689,
    6.299675216018806,
    6.5367356419726015,
    6.776073740818544,
    7.017846398907663,
    7.262329505003926,
    7.509960637028811,
    7.761452797218458,
];

const LARGE: [f64; 51] = [
    0.47288929454076256,
    2.241062604982625,
    2.377641200043139,
    2.5184444583849688,
    2.6667279717872487,
    2.833712883679465,
    3.1883444547741293,
    3.2485782517870176,
    3.4108320916967005,
    3.3244692757076515,
    3.504359788837555,
    3.1508909617919136,
    3.602975199958964,
    3.7053485214479025,
    3.8105914297675403,
    3.918090540812877,
    4.027409339966318,
    4.138228477728104,
    4.2503079592648065,
    4.363463143026669,
    4.477550035462476,
    4.592454981864923,
    4.70808668250182,
    4.824370682828708,
    4.941245868390853,
    5.05866207754429,
    5.176577990702928,
    5.2949593915550635,
    5.413777952981931,
    5.533010348338479,
    5.652637535401549,
    5.7726441403427655,
    5.893017948604731,
    6.013749593872653,
    6.134832488103745,
    6.256262943188893,
    6.378040388735189,
    6.500167375298351,
    6.622649008217382,
    6.745492581166198,
    6.868709551228053,
    6.9923143440270925,
    7.116328879679769,
    7.240776576834845,
    7.3656914806199625,
    7.491113572990091,
    7.617095235718419,
    7.743702355712624,
    7.871021786478507,
    7.999167232833382,
    8.128292713199219,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The exponentials add up to the product that they stand for, whose variance is that stated: moments by the
    /// midpoint rule on the product, all of whose values are positive.
    #[test]
    fn densities_are_narrow() {
        let all = [
            (&SMALL[..], 4.671e-3),
            (&MIDDLE, 7.115e-4),
            (&LARGE, 1.6425e-4),
        ];
        for ((parameters, stated), density) in all.into_iter().zip(densities()) {
            let (omega, phases) = parameters.split_first().unwrap();
            let product = |x: f64| {
                let factors = phases.iter().map(|p| (0.5 * (omega * x - p)).cos().powi(2));
                (-x).exp() * factors.product::<f64>()
            };
            let (mut moments, h) = ([0.0; 3], 1e-3);
            for k in 0..80_000 {
                let x = (f64::from(k) + 0.5) * h;
                let value = product(x);
                for (power, m) in moments.iter_mut().enumerate() {
                    *m += h * value * x.powi(power as i32);
                }
            }
            let mean = moments[1] / moments[0];
            let variation = moments[2] * moments[0] / moments[1].powi(2) - 1.0;
            assert!((variation / stated - 1.0).abs() <= 1e-3, "{variation}");
            let size: f64 = density.eta.iter().map(|e| e.norm()).sum();
            for x in [0.3, 0.97, 1.0, 1.02, 1.4] {
                let terms = density.eta.iter().zip(&density.beta);
                let sum: f64 = terms.map(|(e, b)| (e * (-b * x).exp()).re).sum();
                let exact = mean * product(mean * x) / moments[0];
                assert!(
                    (sum - exact).abs() <= 1e-14 * size,
                    "{x} {sum} {exact} {size}"
                );
            }
        }
    }
}
