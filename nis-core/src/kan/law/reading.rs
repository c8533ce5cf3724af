//! From the edges of a network to a formula.

use super::super::network::Kan;
use super::super::shapes::Optional;
use super::super::symbolic::{Form, X, description, forms, with_values, written};
use super::data::{Scaled, Split, mean, standard_deviation};
use super::formula::{Formula, Model};
use crate::error::Result;
use crate::expr::Expr;
use crate::telemetry::Progress;

/// Share of an edge's spread below which a spline edge of a deeper network is not told from a form.
const SPLINE_FLOOR: f64 = 3e-3;

/// What was read from the edges.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) formula: Option<Formula>,
    /// Form of each edge with its R2 against the spline, for the plots: `[layer][edge]`.
    pub(super) edges: Vec<Vec<Option<(String, f64)>>>,
}

/// Residuals below this are rounding: a millionth of the target's spread.
pub(super) fn noise_floor(scaled: &Scaled<'_>, split: &Split) -> f64 {
    1e-6 * standard_deviation(&Scaled::pick(&scaled.y, &split.train))
}

impl Readings {
    /// Reads the edges of an additive network or of a function of a sum. Edges of wider networks are drawn,
    /// not read.
    pub(super) fn of(
        scaled: &Scaled<'_>,
        split: &Split,
        net: &Kan,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        match net.widths() {
            [_, 1] => additive(scaled, split, net, progress),
            [_, 1, 1] => of_a_sum(scaled, split, net, progress),
            _ => Ok(Readings::default()),
        }
    }
}

/// The form as text, and its R2 against the spline.
fn against_spline(form: &Form, x: &[f64], spline: &[f64]) -> Result<Option<(String, f64)>> {
    let names: Vec<String> = (0..form.values.len())
        .map(super::super::symbolic::constant)
        .collect();
    let expr = written(form.shape.text, &names, X, &Expr::name(X))?;
    let expr = with_values(&expr, &names, &form.values)?;
    let mut values = vec![0.0; x.len()];
    expr.compile(&[X])?.evaluate(&[x], &mut values)?;
    let (mean_v, mean_s) = (mean(&values), mean(spline));
    let total: f64 = spline.iter().map(|s| (s - mean_s).powi(2)).sum();
    let off: f64 = values
        .iter()
        .zip(spline)
        .map(|(v, s)| ((v - mean_v) - (s - mean_s)).powi(2))
        .sum();
    let r2 = if total > 0.0 { 1.0 - off / total } else { 0.0 };
    Ok(Some((expr.rounded(4).to_string(), r2)))
}

/// Adds the form of an input to a model, less its additive constant, scaled by `scale`.
fn add_edge(
    model: &mut Model,
    scaled: &Scaled<'_>,
    input: usize,
    form: &Form,
    scale: f64,
) -> Result<Expr> {
    let shape = form.shape;
    let (text, roles) = match shape.logarithmic {
        Some(logarithmic) if scaled.logarithmic => logarithmic,
        _ => (shape.text, shape.roles),
    };
    let mut names = Vec::new();
    for (k, value) in form.values.iter().enumerate() {
        let value = if shape.scales[k] {
            scale * value
        } else {
            *value
        };
        names.push(if k == 0 {
            // Put in below: the sum has one additive constant for all edges.
            "p0".to_string()
        } else {
            model.slot(roles[k], Some(input), shape.optional[k], value)
        });
    }
    // The text has its own p0, gone before the column's name comes in.
    let bare = written(text, &names, "p0", &Expr::number(0.0))?.simplify()?;
    bare.substitute(X, &Expr::name(scaled.names[input]))
}

fn additive(
    scaled: &Scaled<'_>,
    split: &Split,
    net: &Kan,
    progress: &Progress<'_>,
) -> Result<Readings> {
    let train = &split.train;
    let map = scaled.y_map;
    // Edge functions in the learned scale.
    let edge = |i: usize, r: usize| {
        map.half * net.layers[0].at(i, 0, scaled.maps[i].apply(scaled.x[i][r]))
    };
    let y = Scaled::pick(&scaled.y, train);
    let splines: Vec<Vec<f64>> = (0..scaled.x.len())
        .map(|i| train.iter().map(|r| edge(i, *r)).collect())
        .collect();
    let floor = noise_floor(scaled, split);
    let n = train.len();
    let mut model = Model::default();
    let mut constant = map.middle;
    let mut edges = Vec::new();
    for (i, spline) in splines.iter().enumerate() {
        progress.report("kan", i as u64, splines.len() as u64, "formula")?;
        // Partial residuals: what the other edges leave for this one.
        let partial: Vec<f64> = (0..n)
            .map(|k| {
                let others: f64 = (0..splines.len())
                    .filter(|j| *j != i)
                    .map(|j| splines[j][k])
                    .sum();
                y[k] - map.middle - others
            })
            .collect();
        let x = Scaled::pick(&scaled.x[i], train);
        let without = standard_deviation(&partial).powi(2) * n as f64;
        let found = forms(&x, &partial, scaled.logarithmic, floor, progress)?;
        match found.into_iter().next() {
            Some((score, form)) if score < description(n, without, 1, floor) => {
                edges.push(against_spline(&form, &x, spline)?);
                constant += form.values[0];
                if scaled.logarithmic && form.values.len() == 2 {
                    // The only form of two constants in the logarithm is the straight line.
                    model.add_power(i, form.values[1]);
                } else {
                    let term = add_edge(&mut model, scaled, i, &form, 1.0)?;
                    model.add_term(term);
                }
            }
            // The input does not shorten the description: it has no place in the formula.
            _ => {
                edges.push(None);
                constant += mean(spline);
            }
        }
    }
    let mut readings = Readings {
        formula: None,
        edges: vec![edges],
    };
    if model.is_empty() {
        return Ok(readings);
    }
    model.set_constant(constant);
    if let Some(fit) = model.fit(scaled, split, progress)? {
        let (model, fit) = model.shorten(fit, scaled, split, floor, progress)?;
        readings.formula = model.write(&fit, scaled)?;
    }
    Ok(readings)
}

/// Reads `g(f_1(x_1) + f_2(x_2) + ...)`: the few best forms of every edge in all combinations, the constants of
/// each fitted together, the shortest description taken.
fn of_a_sum(
    scaled: &Scaled<'_>,
    split: &Split,
    net: &Kan,
    progress: &Progress<'_>,
) -> Result<Readings> {
    let train = &split.train;
    let n = train.len();
    let inputs = scaled.x.len();
    let floor = noise_floor(scaled, split);
    let keep = match inputs {
        0..=2 => 3,
        3 => 2,
        _ => 1,
    };
    let mut hidden = vec![0.0; n];
    let mut splines = Vec::new();
    for i in 0..inputs {
        let spline: Vec<f64> = train
            .iter()
            .map(|r| net.layers[0].at(i, 0, scaled.maps[i].apply(scaled.x[i][*r])))
            .collect();
        hidden.iter_mut().zip(&spline).for_each(|(h, s)| *h += s);
        splines.push(spline);
    }
    let spread = standard_deviation(&hidden);
    let mut choices: Vec<Vec<Option<Form>>> = Vec::new();
    let mut rest = 0.0;
    for (i, spline) in splines.iter().enumerate() {
        progress.report("kan", i as u64, inputs as u64, "formula")?;
        let own = standard_deviation(spline);
        let mut found = Vec::new();
        if own > SPLINE_FLOOR * spread {
            let x = Scaled::pick(&scaled.x[i], train);
            let fits = forms(&x, spline, scaled.logarithmic, SPLINE_FLOOR * own, progress)?;
            found.extend(fits.into_iter().take(keep).map(|(_, form)| Some(form)));
        }
        if found.is_empty() {
            // An edge that hardly moves, or that no form exists for.
            rest += mean(spline);
            found.push(None);
        }
        choices.push(found);
    }
    let y = Scaled::pick(&scaled.y, train);
    let outer = forms(&hidden, &y, false, floor, progress)?;
    let mut best: Option<(
        f64,
        Model,
        super::super::symbolic::Fitted,
        Vec<usize>,
        usize,
    )> = None;
    let combinations: usize = choices.iter().map(Vec::len).product();
    'search: for (o, (_, form)) in outer.iter().enumerate().take(4) {
        let Some(g) = (form.shape.outer)(&form.values) else {
            continue;
        };
        for number in 0..combinations {
            progress.check()?;
            let mut model = Model::default();
            let mut terms = Vec::new();
            let (mut shift, mut digits) = (g.shift + g.scale * rest, number);
            let mut picked = Vec::new();
            for (i, choice) in choices.iter().enumerate() {
                picked.push(digits % choice.len());
                let edge = &choice[digits % choice.len()];
                digits /= choice.len();
                let Some(edge) = edge else { continue };
                shift += g.scale * edge.values[0];
                terms.push(add_edge(&mut model, scaled, i, edge, g.scale)?);
            }
            if terms.is_empty() {
                continue;
            }
            let inside = model.slot("constant inside", None, Optional::Zero, shift);
            terms.push(Expr::name(inside));
            let names: Vec<String> = g
                .values
                .iter()
                .enumerate()
                .map(|(k, v)| model.slot(g.roles[k], None, g.optional[k], *v))
                .collect();
            model.add_term(written(g.text, &names, "h", &Expr::sum(terms)?)?);
            if n < model.slots.len() + 2 {
                continue;
            }
            let Some(fit) = model.fit(scaled, split, progress)? else {
                continue;
            };
            let score = description(n, fit.sum_squares, model.slots.len(), floor);
            let exact = fit.sum_squares <= n as f64 * floor * floor;
            if best.as_ref().is_none_or(|b| score < b.0) {
                best = Some((score, model, fit, picked, o));
            }
            if exact {
                break 'search;
            }
        }
    }
    let Some((_, model, fit, picked, o)) = best else {
        return Ok(Readings::default());
    };
    let mut first = Vec::new();
    for (i, (choice, at)) in choices.iter().zip(&picked).enumerate() {
        first.push(match &choice[*at] {
            Some(form) => against_spline(form, &Scaled::pick(&scaled.x[i], train), &splines[i])?,
            None => None,
        });
    }
    let last: Vec<f64> = hidden
        .iter()
        .map(|h| scaled.y_map.half * net.layers[1].at(0, 0, *h))
        .collect();
    let second = against_spline(&outer[o].1, &hidden, &last)?;
    let (model, fit) = model.shorten(fit, scaled, split, floor, progress)?;
    Ok(Readings {
        formula: model.write(&fit, scaled)?,
        edges: vec![first, vec![second]],
    })
}
