//! The exact fit: parameters and initial values by least squares on the trajectory itself.

mod report;
mod shooting;

use faer::{Mat, Side};

use super::start::{self, Slopes};
use super::state::{Observed, fit_state};
use super::system::{Compiled, OdeSystem};
use crate::error::{Error, Result};
use crate::optim::{LmFit, LmOptions, levenberg_marquardt};
use crate::pinn::{FitOptions, Noise, OdeFit};
use crate::telemetry::Progress;
use shooting::Shooting;

/// Error per step that integration allows, relative and absolute.
const TOLERANCE: f64 = 1e-10;

/// Rounds of reweighting by the scatter found.
const ROUNDS: usize = 4;

const MIN_ROWS: usize = 5;
const MAX_ROWS: usize = 200_000;

/// Fits the unknown parameters and the initial values of `system` to observations of its fields at rising times
/// `t` (not necessarily uniform); every field needs a column.
///
/// Starting values come from slopes of the data; a spline state pulled towards data and equations makes them
/// good; then least squares on the integrated trajectory gives the maximum-likelihood estimate, with one
/// standard deviation of the scatter per field found by reweighting, and standard errors from the Gauss-Newton
/// matrix. Where all data are positive, additive and multiplicative (log-normal) scatter are both fitted and the
/// likelier is reported, unless [`FitOptions::noise`] says which.
///
/// ```
/// use nis_core::{pinn::{FitOptions, OdeSystem, fit_ode}, telemetry::Progress};
/// let t: Vec<f64> = (0..20).map(|i| 0.25 * f64::from(i)).collect();
/// let y: Vec<f64> = t.iter().map(|t| 5.0 * (-0.3 * t).exp()).collect();
/// let system = OdeSystem::parse("y' = -k*y")?;
/// let fit = fit_ode(&system, &t, &[("y", &y)], &FitOptions::default(), &Progress::none())?;
/// assert!((fit.parameters[0].value - 0.3).abs() < 1e-8);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for fewer than 5 rows, times that do not rise, values that are not finite, a constant
/// column, a field without column, more unknowns than data, or starting values for a name that is no parameter
/// or that come twice;
/// [`Error::NotFound`] for a column that is no field; [`Error::Numerical`] where no finite trajectory was
/// found; [`Error::Cancelled`].
pub fn fit_ode(
    system: &OdeSystem,
    t: &[f64],
    observed: &[(&str, &[f64])],
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<OdeFit> {
    fit_components(system, t, observed, options, progress).map(|(fit, _)| fit)
}

/// [`fit_ode`], with all components at the first time.
pub(super) fn fit_components(
    system: &OdeSystem,
    t: &[f64],
    observed: &[(&str, &[f64])],
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<(OdeFit, Vec<f64>)> {
    let columns = check(system, t, observed, options)?;
    let compiled = system.compile()?;
    let setup = Setup::new(system, &compiled, t, &columns, options, progress)?;
    let positive = columns.iter().all(|c| c.iter().all(|v| *v > 0.0));
    if options.noise == Noise::Multiplicative && !positive {
        return Err(Error::invalid(
            "noise",
            "multiplicative",
            "additive noise: some values are not positive",
        ));
    }
    let additive = match options.noise {
        Noise::Multiplicative => None,
        _ => Some(setup.fit(false, options, progress)),
    };
    let multiplicative =
        (positive && options.noise != Noise::Additive).then(|| setup.fit(true, options, progress));
    let (chosen, noise, reason) = match (additive.transpose(), multiplicative.transpose()) {
        (Err(Error::Cancelled), _) | (_, Err(Error::Cancelled)) => return Err(Error::Cancelled),
        (Ok(Some(a)), Ok(Some(m))) => {
            let reason = format!(
                "log-likelihood {:.2} with multiplicative, {:.2} with additive scatter",
                m.log_likelihood, a.log_likelihood
            );
            if m.log_likelihood > a.log_likelihood {
                (m, Noise::Multiplicative, reason)
            } else {
                (a, Noise::Additive, reason)
            }
        }
        (Ok(Some(a)), Ok(None)) => {
            let reason = match options.noise {
                Noise::Additive => "as asked".to_string(),
                _ => "some values are not positive".to_string(),
            };
            (a, Noise::Additive, reason)
        }
        (Ok(None), Ok(Some(m))) => (m, Noise::Multiplicative, "as asked".to_string()),
        (Ok(Some(a)), Err(e)) => (
            a,
            Noise::Additive,
            format!("the fit with multiplicative scatter failed: {e}"),
        ),
        (Err(e), Ok(Some(m))) => (
            m,
            Noise::Multiplicative,
            format!("the fit with additive scatter failed: {e}"),
        ),
        (Err(e), _) | (_, Err(e)) => return Err(e),
        (Ok(None), Ok(None)) => {
            return Err(Error::Internal {
                message: "no noise model was fitted".into(),
            });
        }
    };
    let initial = chosen.initial.clone();
    Ok((setup.report(system, chosen, noise, reason)?, initial))
}

/// The columns in the order of the fields.
fn check<'a>(
    system: &OdeSystem,
    t: &[f64],
    observed: &[(&str, &'a [f64])],
    options: &FitOptions,
) -> Result<Vec<&'a [f64]>> {
    if !(MIN_ROWS..=MAX_ROWS).contains(&t.len()) {
        return Err(Error::invalid(
            "rows",
            t.len(),
            format!("{MIN_ROWS} to {MAX_ROWS}"),
        ));
    }
    if let Some(at) = t.iter().position(|v| !v.is_finite()) {
        return Err(Error::invalid(format!("t[{at}]"), t[at], "finite times"));
    }
    if let Some(at) = t.windows(2).position(|w| w[0] >= w[1]) {
        return Err(Error::invalid(
            format!("t[{}]", at + 1),
            t[at + 1],
            format!("a time after {}", t[at]),
        ));
    }
    for (i, (name, values)) in observed.iter().enumerate() {
        if !system.states().contains(name) {
            return Err(Error::NotFound {
                what: "field".into(),
                name: format!("{name} (there are: {})", system.states().join(", ")),
            });
        }
        if observed[..i].iter().any(|(other, _)| other == name) {
            return Err(Error::invalid(*name, "two columns", "one column per field"));
        }
        if values.len() != t.len() {
            return Err(Error::invalid(
                *name,
                format!("{} values", values.len()),
                format!("{} values, one per time", t.len()),
            ));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{name}[{at}]"),
                values[at],
                "finite values",
            ));
        }
        if values.iter().all(|v| *v == values[0]) {
            return Err(Error::invalid(
                *name,
                format!("{} in every row", values[0]),
                "a column that varies: its noise and the share explained are not defined otherwise",
            ));
        }
    }
    for (i, (name, value, _)) in options.start.iter().enumerate() {
        if options.start[..i].iter().any(|(other, _, _)| other == name) {
            return Err(Error::invalid(
                format!("start.{name}"),
                "two values",
                "one value per parameter",
            ));
        }
        if !system.parameters().contains(&name.as_str()) {
            return Err(Error::invalid(
                "start",
                name,
                format!("one of the parameters {}", system.parameters().join(", ")),
            ));
        }
        if !value.is_finite() {
            return Err(Error::invalid(
                format!("start.{name}"),
                value,
                "a finite value",
            ));
        }
    }
    system
        .states()
        .iter()
        .map(|state| {
            observed
                .iter()
                .find(|(name, _)| name == state)
                .map(|(_, v)| *v)
                .ok_or_else(|| {
                    Error::invalid(
                        "columns",
                        format!("none for the field {state}"),
                        "a column per field",
                    )
                })
        })
        .collect()
}

struct Setup<'a> {
    compiled: &'a Compiled,
    t: &'a [f64],
    columns: Vec<&'a [f64]>,
    /// First component of each field.
    first: Vec<usize>,
    /// Parameters that are fitted.
    free: Vec<usize>,
    /// Parameters and components at the first time to start from.
    p: Vec<f64>,
    initial: Vec<f64>,
    /// Root mean square of each component over the data, or 1 where that is 0.
    sizes: Vec<f64>,
    iterations: usize,
}

struct Exact {
    p: Vec<f64>,
    initial: Vec<f64>,
    std_errors: Vec<Option<f64>>,
    /// Scatter per field: absolute, or relative for multiplicative noise.
    sigma: Vec<f64>,
    /// `[field][row]`
    residuals: Vec<Vec<f64>>,
    log_likelihood: f64,
    converged: bool,
    iterations: usize,
}

impl<'a> Setup<'a> {
    fn new(
        system: &OdeSystem,
        compiled: &'a Compiled,
        t: &'a [f64],
        columns: &[&'a [f64]],
        options: &FitOptions,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let names = system.parameters();
        let given = |name: &str| options.start.iter().find(|(n, _, _)| n == name);
        let free: Vec<usize> = (0..names.len())
            .filter(|k| !given(names[*k]).is_some_and(|(_, _, fixed)| *fixed))
            .collect();
        let unknowns = free.len() + compiled.components;
        if t.len() * columns.len() <= unknowns {
            return Err(Error::invalid(
                "rows",
                format!("{} values for {unknowns} unknowns", t.len() * columns.len()),
                "more values than parameters and initial values",
            ));
        }
        let mut slopes = Slopes {
            t: t.to_vec(),
            z: vec![Vec::new(); t.len()],
            dz: vec![Vec::new(); t.len()],
        };
        let mut first = Vec::new();
        let mut component = 0;
        for (column, order) in columns.iter().zip(system.orders()) {
            first.push(component);
            component += order;
            let d = start::derivatives(t, column, order)?;
            for (value, slope) in d.iter().zip(&d[1..]).take(order) {
                for (i, (value, slope)) in value.iter().zip(slope).enumerate() {
                    slopes.z[i].push(*value);
                    slopes.dz[i].push(*slope);
                }
            }
        }
        let hints: Vec<Option<f64>> = names
            .iter()
            .map(|n| given(n).map(|(_, value, _)| *value))
            .collect();
        let mut p = start::match_gradients(compiled, &slopes, &hints, progress)?
            .unwrap_or_else(|| vec![1.0; names.len()]);
        for (p, hint) in p.iter_mut().zip(&hints) {
            *p = hint.unwrap_or(*p);
        }
        let sizes = (0..compiled.components)
            .map(|c| {
                let values: Vec<f64> = slopes.z.iter().map(|z| z[c]).collect();
                let size = root_mean_square(&values);
                if size > 0.0 && size.is_finite() {
                    size
                } else {
                    1.0
                }
            })
            .collect();
        let observed = Observed {
            t,
            start: &slopes.z,
            data: first.iter().copied().zip(columns.iter().copied()).collect(),
        };
        let mut setup = Setup {
            compiled,
            t,
            columns: columns.to_vec(),
            first,
            initial: slopes.z[0].clone(),
            sizes,
            free,
            p,
            iterations: 0,
        };
        if let Some(state) = fit_state(compiled, &observed, &setup.p, &setup.free, progress)? {
            setup.iterations = state.iterations;
            setup.initial = state.initial;
            setup.p = state.p;
        }
        Ok(setup)
    }

    /// The trajectory fit with one kind of noise.
    fn fit(
        &self,
        multiplicative: bool,
        options: &FitOptions,
        progress: &Progress<'_>,
    ) -> Result<Exact> {
        let fields = self.columns.len();
        let data: Vec<Vec<f64>> = self
            .columns
            .iter()
            .map(|c| {
                c.iter()
                    .map(|v| if multiplicative { v.ln() } else { *v })
                    .collect()
            })
            .collect();
        // Scatter below this share of the data's size is rounding of the integration.
        let floor: Vec<f64> = data
            .iter()
            .map(|d| {
                let most = d.iter().fold(0.0f64, |a, v| a.max(v.abs()));
                1e-9 * if multiplicative {
                    1.0
                } else {
                    most.max(f64::MIN_POSITIVE)
                }
            })
            .collect();
        let mut problem = Shooting {
            setup: self,
            data: &data,
            multiplicative,
            weights: data.iter().map(|d| 1.0 / spread(d).max(1e-300)).collect(),
            p: self.p.clone(),
            progress,
        };
        let mut x = problem.pack(&self.p, &self.initial);
        let mut iterations = self.iterations;
        let mut last: Option<(LmFit, Vec<f64>)> = None;
        for round in 0..ROUNDS {
            progress.report("pinn", round as u64, ROUNDS as u64, "trajectory")?;
            let lm = LmOptions {
                max_iterations: options.max_iterations,
                cost_tolerance: 1e-10,
                stage: "pinn",
                ..LmOptions::default()
            };
            let fit = levenberg_marquardt(&mut problem, &x, &lm, progress).map_err(|e| match e {
                Error::Numerical { .. } => Error::numerical(
                    "fit of the equations",
                    "no finite trajectory was found from the starting values; give starting values for the parameters",
                ),
                e => e,
            })?;
            iterations += fit.iterations;
            x.clone_from(&fit.p);
            let sigma: Vec<f64> = (0..fields)
                .map(|f| {
                    let rows = &fit.residuals[f * self.t.len()..(f + 1) * self.t.len()];
                    let rms = root_mean_square(rows) / problem.weights[f];
                    rms.max(floor[f])
                })
                .collect();
            let settled = last.as_ref().is_some_and(|(_, old): &(LmFit, Vec<f64>)| {
                old.iter()
                    .zip(&sigma)
                    .all(|(a, b)| (a / b - 1.0).abs() < 1e-3)
            });
            // The weights of the round just done must be those of its residuals.
            let weights = std::mem::replace(
                &mut problem.weights,
                sigma.iter().map(|s| 1.0 / s).collect(),
            );
            last = Some((fit, sigma));
            if settled || fields == 1 {
                problem.weights = weights;
                break;
            }
            if round + 1 == ROUNDS {
                problem.weights = weights;
            }
        }
        let Some((fit, sigma)) = last else {
            return Err(Error::Internal {
                message: "no round of the trajectory fit ran".into(),
            });
        };
        let n = self.t.len() as f64;
        let unknowns = x.len();
        let freedom = n * fields as f64 - unknowns as f64;
        // Residuals carry the weights, so their mean square over the degrees of freedom is the variance factor.
        let variance = 2.0 * fit.cost / freedom;
        let spreads = unit_variances(&fit);
        let mut std_errors = vec![None; self.p.len()];
        for (k, free) in self.free.iter().enumerate() {
            std_errors[*free] = spreads[k]
                .map(|v| (variance * v).sqrt())
                .filter(|s| s.is_finite());
        }
        let residuals: Vec<Vec<f64>> = (0..fields)
            .map(|f| {
                fit.residuals[f * self.t.len()..(f + 1) * self.t.len()]
                    .iter()
                    .map(|r| r / problem.weights[f] / sigma[f])
                    .collect()
            })
            .collect();
        let mut log_likelihood = 0.0;
        for f in 0..fields {
            log_likelihood -= 0.5 * n * ((std::f64::consts::TAU * sigma[f] * sigma[f]).ln() + 1.0);
            if multiplicative {
                // The density of y is that of ln y over y.
                log_likelihood -= data[f].iter().sum::<f64>();
            }
        }
        let (p, initial) = problem.unpack(&x);
        Ok(Exact {
            p,
            initial,
            std_errors,
            sigma,
            residuals,
            log_likelihood,
            converged: fit.converged(),
            iterations,
        })
    }
}

/// Diagonal of `(J^T J)^-1`, with `None` for unknowns that the data do not determine.
///
/// Where the matrix is singular, its null space is that of the eigenvalues at rounding level after scaling to a
/// unit diagonal; an unknown with a part in it is not determined, and the others have the diagonal of the
/// pseudo-inverse, which is their variance whatever the undetermined ones are.
pub(super) fn unit_variances(fit: &LmFit) -> Vec<Option<f64>> {
    let n = fit.p.len();
    if let Some(inverse) = fit.inverse_normal() {
        return (0..n).map(|i| Some(inverse[(i, i)])).collect();
    }
    let scale: Vec<f64> = (0..n).map(|i| fit.normal[(i, i)].sqrt()).collect();
    let scaled = Mat::from_fn(n, n, |i, j| {
        if scale[i] > 0.0 && scale[j] > 0.0 {
            fit.normal[(i, j)] / (scale[i] * scale[j])
        } else {
            0.0
        }
    });
    let Ok(eigen) = scaled.self_adjoint_eigen(Side::Lower) else {
        return vec![None; n];
    };
    let (values, vectors) = (eigen.S(), eigen.U());
    (0..n)
        .map(|i| {
            let mut sum = 0.0;
            for k in 0..n {
                let part = vectors[(i, k)];
                if values[k] > 1e-12 * n as f64 {
                    sum += part * part / values[k];
                } else if part.abs() > 1e-4 || scale[i] == 0.0 {
                    return None;
                }
            }
            Some(sum / (scale[i] * scale[i]))
        })
        .collect()
}

fn root_mean_square(v: &[f64]) -> f64 {
    (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt()
}

/// Root mean square around the mean.
fn spread(v: &[f64]) -> f64 {
    let mean = v.iter().sum::<f64>() / v.len() as f64;
    (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt()
}

#[cfg(test)]
mod tests;
