//! One layer as operators on whole batches: values of all functions `[rows][input][function]`, then one matrix
//! product with the coefficients.

use super::MOST_TERMS;
use super::formula;
use super::graph::{Attribute, Graph, Value};
use crate::error::{Error, Result};
use crate::kan::{Base, Basis, Edge, Family, Layer, Outside};

/// The outputs `[rows][output]` of the layer from its inputs `[rows][input]`.
pub(super) fn nodes(graph: &mut Graph, layer: &Layer, x: &Value) -> Result<Value> {
    let mut terms = Vec::new();
    if layer.edges.contains(&Edge::Trained) {
        splines(graph, layer, x, &mut terms)?;
    }
    if layer.edges.iter().any(|e| matches!(e, Edge::Fixed(_))) {
        terms.push(symbols(graph, layer, x)?);
    }
    if terms.is_empty() {
        let zeros = vec![0.0; layer.inputs * layer.sums];
        let none = graph.constant("zeros", &[layer.inputs, layer.sums], &zeros)?;
        terms.push(graph.node("MatMul", &[x, &none]));
    }
    let shift = graph.constant("sum_shift", &[1, layer.sums], &layer.sum_shift)?;
    let mut sums = shift;
    for term in &terms {
        sums = graph.node("Add", &[term, &sums]);
    }
    let mut out = products(graph, layer, &sums);
    if layer.output_shift.iter().any(|v| *v != 0.0) {
        let shift = graph.constant("output_shift", &[1, layer.outputs()], &layer.output_shift)?;
        out = graph.node("Add", &[&out, &shift]);
    }
    Ok(out)
}

/// Sums that are outputs, then products of the others.
fn products(graph: &mut Graph, layer: &Layer, sums: &Value) -> Value {
    if layer.products.is_empty() {
        return sums.clone();
    }
    let plain = layer.plain_sums();
    let columns = |graph: &mut Graph, from: usize, to: usize| {
        let at = graph.integers(&(from as i64..to as i64).collect::<Vec<i64>>());
        graph.node_with("Gather", &[sums, &at], &[Attribute::Integer("axis", 1)])
    };
    let mut parts = Vec::new();
    if plain > 0 {
        parts.push(columns(graph, 0, plain));
    }
    let mut from = plain;
    for factors in &layer.products {
        let mut product = columns(graph, from, from + 1);
        for f in 1..*factors {
            let factor = columns(graph, from + f, from + f + 1);
            product = graph.node("Mul", &[&product, &factor]);
        }
        parts.push(product);
        from += factors;
    }
    let parts: Vec<&Value> = parts.iter().collect();
    graph.node_with("Concat", &parts, &[Attribute::Integer("axis", 1)])
}

/// The symbolic edges, added up per sum. One column for each sum, so that an infinite value of one edge stays with
/// its sum.
fn symbols(graph: &mut Graph, layer: &Layer, x: &Value) -> Result<Value> {
    let shape = graph.node("Shape", &[x]);
    let first = graph.integers(&[0]);
    let rows = graph.node("Gather", &[&shape, &first]);
    let one = graph.integers(&[1]);
    let column = graph.node_with("Concat", &[&rows, &one], &[Attribute::Integer("axis", 0)]);
    let zeros = graph.node("ConstantOfShape", &[&column]);
    let zero = graph.cast(&zeros);
    let mut columns = vec![zero; layer.sums];
    for (edge, kind) in layer.edges.iter().enumerate() {
        let Edge::Fixed(symbolic) = kind else {
            continue;
        };
        let (input, sum) = (edge / layer.sums, edge % layer.sums);
        let at = graph.integers(&[input as i64]);
        let from = graph.node_with("Gather", &[x, &at], &[Attribute::Integer("axis", 1)]);
        let [a, b, scale, shift] = symbolic.constants();
        let u = affine(graph, &from, a, b)?;
        let f = formula::value(graph, symbolic.expr(), &u)?;
        let value = affine(graph, &f, scale, shift)?;
        columns[sum] = graph.node("Add", &[&columns[sum], &value]);
    }
    let columns: Vec<&Value> = columns.iter().collect();
    Ok(graph.node_with("Concat", &columns, &[Attribute::Integer("axis", 1)]))
}

fn affine(graph: &mut Graph, x: &Value, scale: f64, shift: f64) -> Result<Value> {
    let (scale, shift) = (
        graph.number("constants of a symbolic function", scale)?,
        graph.number("constants of a symbolic function", shift)?,
    );
    let scaled = graph.node("Mul", &[x, &scale]);
    Ok(graph.node("Add", &[&scaled, &shift]))
}

/// Splines (or other families) and base function of the trained edges.
fn splines(graph: &mut Graph, layer: &Layer, x: &Value, terms: &mut Vec<Value>) -> Result<()> {
    let (inputs, sums, n) = (layer.inputs, layer.sums, layer.functions());
    let trained = |edge: usize| layer.edges.get(edge) == Some(&Edge::Trained);
    // [input * function][sum]
    let mut weights = vec![0.0; inputs * n * sums];
    for (edge, coefficients) in layer.coefficients.chunks(n).enumerate() {
        if trained(edge) {
            let (input, sum) = (edge / sums, edge % sums);
            for (c, v) in coefficients.iter().enumerate() {
                weights[(input * n + c) * sums + sum] = *v;
            }
        }
    }
    let (low, high): (Vec<f64>, Vec<f64>) = (0..inputs).map(|i| layer.basis(i).grid()).unzip();
    let mut inside = x.clone();
    if layer.outside == Outside::Linear {
        let a = graph.constant("knots", &[1, inputs], &low)?;
        let b = graph.constant("knots", &[1, inputs], &high)?;
        let above = graph.node("Max", &[x, &a]);
        inside = graph.node("Min", &[&above, &b]);
        // Beyond the ends along the tangents: the slopes there are constants.
        let zero = graph.number("zero", 0.0)?;
        for (end, ends, operator) in [(&a, &low, "Min"), (&b, &high, "Max")] {
            let slopes = slopes(layer, ends, trained);
            let slopes =
                graph.constant("slopes at the ends of the grid", &[inputs, sums], &slopes)?;
            let step = graph.node("Sub", &[x, end]);
            let step = graph.node(operator, &[&step, &zero]);
            terms.push(graph.node("MatMul", &[&step, &slopes]));
        }
    }
    let last = graph.integers(&[2]);
    let lifted = graph.node("Unsqueeze", &[&inside, &last]);
    let values = match layer.basis(0).family() {
        Family::BSpline => bspline(graph, layer, &lifted)?,
        family => dense(graph, layer, family, &lifted)?,
    };
    // A size of 0 keeps the number of rows, also where there are none.
    let flat = graph.integers(&[0, (inputs * n) as i64]);
    let values = graph.node("Reshape", &[&values, &flat]);
    let weights = graph.constant("coefficients", &[inputs * n, sums], &weights)?;
    terms.push(graph.node("MatMul", &[&values, &weights]));

    let base = match layer.base {
        Base::None => return Ok(()),
        Base::Identity => x.clone(),
        Base::Silu => {
            let s = graph.node("Sigmoid", &[x]);
            graph.node("Mul", &[x, &s])
        }
    };
    let scales: Vec<f64> = layer
        .base_scale
        .iter()
        .enumerate()
        .map(|(edge, v)| if trained(edge) { *v } else { 0.0 })
        .collect();
    let scales = graph.constant("base_scale", &[inputs, sums], &scales)?;
    terms.push(graph.node("MatMul", &[&base, &scales]));
    Ok(())
}

/// Slopes `[input][sum]` of the trained edges at one end of each grid.
fn slopes(layer: &Layer, ends: &[f64], trained: impl Fn(usize) -> bool) -> Vec<f64> {
    let n = layer.functions();
    let mut out = Vec::with_capacity(layer.inputs * layer.sums);
    for (input, end) in ends.iter().enumerate() {
        let local = layer.basis(input).local(*end, Outside::Linear);
        for sum in 0..layer.sums {
            let edge = layer.edge(input, sum);
            let own = layer.coefficients.get(edge * n + local.first..);
            let slope: f64 = own
                .unwrap_or_default()
                .iter()
                .zip(&local.d1)
                .map(|(c, d)| c * d)
                .sum();
            out.push(if trained(edge) { slope } else { 0.0 });
        }
    }
    out
}

/// All B-splines by the recurrence of Cox and de Boor on whole tensors (de Boor, A Practical Guide to Splines, 2001,
/// chapter IX, eqs. (11) to (13)).
fn bspline(graph: &mut Graph, layer: &Layer, x: &Value) -> Result<Value> {
    let bases = &layer.bases;
    let (k, m) = (layer.basis(0).order(), layer.basis(0).knots().len());
    let count = bases.len();
    // A constant [1][basis][size] of one number per basis and place.
    let table = |graph: &mut Graph, size: usize, of: &dyn Fn(&Basis, usize) -> f64| {
        let values: Vec<f64> = bases
            .iter()
            .flat_map(|b| (0..size).map(move |i| of(b, i)))
            .collect();
        graph.constant("knots", &[1, count, size], &values)
    };
    for basis in bases {
        for w in basis.knots().windows(2) {
            if w[0] < w[1] && graph.rounded(w[0]) >= graph.rounded(w[1]) {
                return Err(Error::invalid(
                    "knots",
                    format!("{} and {}", w[0], w[1]),
                    "knots that 32 bits tell apart",
                ));
            }
        }
    }
    // The last interval of the grid holds its end; the next one begins behind it.
    let last = |b: &Basis| {
        let t = b.knots();
        (k..b.functions()).rev().find(|s| t[*s] < t[s + 1])
    };
    let precision = graph.precision();
    let behind = |b: &Basis| super::graph::next_up(b.grid().1, precision);
    let low = table(graph, m - 1, &|b, i| {
        let t = b.knots()[i];
        if t == b.grid().1 { behind(b) } else { t }
    })?;
    let high = table(graph, m - 1, &|b, i| {
        if last(b) == Some(i) {
            behind(b)
        } else {
            b.knots()[i + 1]
        }
    })?;
    let below = graph.node("Less", &[x, &low]);
    let not_below = graph.node("Not", &[&below]);
    let under = graph.node("Less", &[x, &high]);
    let truth = graph.node("And", &[&not_below, &under]);
    let mut values = graph.cast(&truth);
    let axis = graph.integers(&[2]);
    for p in 1..=k {
        let size = m - 1 - p;
        let inverse = |b: &Basis, from: usize| {
            let width = b.knots()[from + p] - b.knots()[from];
            if width > 0.0 { 1.0 / width } else { 0.0 }
        };
        let left = table(graph, size, &|b, i| b.knots()[i])?;
        let right = table(graph, size, &|b, i| b.knots()[i + p + 1])?;
        let by_left = table(graph, size, &|b, i| inverse(b, i))?;
        let by_right = table(graph, size, &|b, i| inverse(b, i + 1))?;
        let part = |graph: &mut Graph, from: usize| {
            let starts = graph.integers(&[from as i64]);
            let ends = graph.integers(&[(from + size) as i64]);
            graph.node("Slice", &[&values, &starts, &ends, &axis])
        };
        let (first, second) = (part(graph, 0), part(graph, 1));
        let rise = graph.node("Sub", &[x, &left]);
        let rise = graph.node("Mul", &[&rise, &by_left]);
        let rise = graph.node("Mul", &[&rise, &first]);
        let fall = graph.node("Sub", &[&right, x]);
        let fall = graph.node("Mul", &[&fall, &by_right]);
        let fall = graph.node("Mul", &[&fall, &second]);
        values = graph.node("Add", &[&rise, &fall]);
    }
    // Where all inputs share a basis the tables are broadcast; the values have one row per input either way.
    Ok(values)
}

/// The values of a family that reaches over the whole grid.
fn dense(graph: &mut Graph, layer: &Layer, family: Family, x: &Value) -> Result<Value> {
    let n = layer.functions();
    let count = layer.bases.len();
    let column = |graph: &mut Graph, of: &dyn Fn(f64, f64) -> f64| {
        let values: Vec<f64> = layer
            .bases
            .iter()
            .map(|b| of(b.grid().0, b.grid().1))
            .collect();
        graph.constant("grid", &[1, count, 1], &values)
    };
    let middle = column(graph, &|a, b| 0.5 * (a + b))?;
    let half = column(graph, &|a, b| 0.5 * (b - a))?;
    let t = graph.node("Sub", &[x, &middle]);
    let t = graph.node("Div", &[&t, &half]);
    match family {
        Family::Chebyshev | Family::BSpline => terms(graph, n, &t),
        Family::Rational => {
            // Beyond 1e8 the variable is 1 to the last bit of a double, and the square is still finite in float.
            let far = graph.number("far", 1e8)?;
            let near = graph.number("far", -1e8)?;
            let t = graph.node("Max", &[&t, &near]);
            let t = graph.node("Min", &[&t, &far]);
            let square = graph.node("Mul", &[&t, &t]);
            let one = graph.number("one", 1.0)?;
            let sum = graph.node("Add", &[&square, &one]);
            let root = graph.node("Sqrt", &[&sum]);
            let s = graph.node("Div", &[&t, &root]);
            terms(graph, n, &s)
        }
        Family::Fourier => {
            let angle = |i: usize| std::f64::consts::PI * i.div_ceil(2) as f64;
            let odd = |i: usize| i.is_multiple_of(2) && i > 0;
            let angles: Vec<f64> = (0..n).map(angle).collect();
            let sines: Vec<f64> = (0..n).map(|i| if odd(i) { 1.0 } else { 0.0 }).collect();
            let cosines: Vec<f64> = sines.iter().map(|v| 1.0 - v).collect();
            let angles = graph.constant("angles", &[1, 1, n], &angles)?;
            let phase = graph.node("Mul", &[&t, &angles]);
            let mut out = Vec::new();
            for (operator, mask) in [("Sin", &sines), ("Cos", &cosines)] {
                let mask = graph.constant("mask", &[1, 1, n], mask)?;
                let wave = graph.node(operator, &[&phase]);
                out.push(graph.node("Mul", &[&wave, &mask]));
            }
            Ok(graph.node("Add", &[&out[0], &out[1]]))
        }
        Family::Rbf => {
            let h = 2.0 / (n.max(2) - 1) as f64;
            let centres: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let centres = graph.constant("centres", &[1, 1, n], &centres)?;
            let h = graph.number("width", h)?;
            let one = graph.number("one", 1.0)?;
            let u = graph.node("Add", &[&t, &one]);
            let u = graph.node("Div", &[&u, &h]);
            let u = graph.node("Sub", &[&u, &centres]);
            let square = graph.node("Mul", &[&u, &u]);
            let minus = graph.node("Neg", &[&square]);
            Ok(graph.node("Exp", &[&minus]))
        }
    }
}

/// Chebyshev polynomials of `t` by their recurrence.
fn terms(graph: &mut Graph, n: usize, t: &Value) -> Result<Value> {
    if n > MOST_TERMS {
        return Err(Error::Limit {
            what: "functions of a Chebyshev basis in ONNX".into(),
            limit: MOST_TERMS as u64,
            got: n as u64,
        });
    }
    // 1 in the shape of t, also where t is infinite.
    let zero = graph.number("zero", 0.0)?;
    let mut all = vec![graph.node("Pow", &[t, &zero]), t.clone()];
    let two = graph.number("two", 2.0)?;
    let twice = graph.node("Mul", &[t, &two]);
    while all.len() < n {
        let next = graph.node("Mul", &[&twice, &all[all.len() - 1]]);
        all.push(graph.node("Sub", &[&next, &all[all.len() - 2]]));
    }
    all.truncate(n);
    let all: Vec<&Value> = all.iter().collect();
    Ok(graph.node_with("Concat", &all, &[Attribute::Integer("axis", 2)]))
}
