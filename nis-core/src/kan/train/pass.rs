//! One row through the network and back for training: no derivative that training does not need, no allocation
//! per row, uniform B-splines in closed form. Compared with the plain path in its tests.

use crate::kan::basis::{Basis, Family, MAX_ORDER, Outside, Slices};
use crate::kan::network::{Edge, Kan, Layer};

/// How the functions of one input are evaluated.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// B-splines on equal cells that go on linearly: start, cells, cells per unit.
    Uniform {
        from: f64,
        cells: f64,
        inverse: f64,
    },
    General,
}

/// What does not change while grids stay.
#[derive(Debug)]
pub(super) struct Plan {
    ways: Vec<Vec<Way>>,
    /// Index of the first parameter of every layer.
    pub(super) starts: Vec<usize>,
    /// Whether all edges of the layer are trained.
    whole: Vec<bool>,
}

impl Plan {
    pub(super) fn new(net: &Kan) -> Self {
        let way = |basis: &Basis, outside: Outside| {
            let (a, b) = basis.grid();
            if basis.family() == Family::BSpline && basis.is_uniform() && outside == Outside::Linear
            {
                let cells = basis.cells() as f64;
                Way::Uniform {
                    from: a,
                    cells,
                    inverse: cells / (b - a),
                }
            } else {
                Way::General
            }
        };
        let layers = net.layers().iter();
        Plan {
            ways: layers
                .clone()
                .map(|l| (0..l.inputs).map(|i| way(l.basis(i), l.outside)).collect())
                .collect(),
            starts: net.parameter_starts(),
            whole: layers
                .map(|l| l.edges.iter().all(|e| *e == Edge::Trained))
                .collect(),
        }
    }

    /// Whether all edges of a layer are trained.
    pub(super) fn whole(&self, layer: usize) -> bool {
        self.whole[layer]
    }
}

/// Buffers of one layer.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) width: usize,
    /// Per input the first function that does not vanish.
    pub(super) first: Vec<usize>,
    /// `[input][width]`
    pub(super) value: Vec<f64>,
    d1: Vec<f64>,
    d2: Vec<f64>,
    /// Base function and its derivative per input.
    pub(super) base: Vec<[f64; 2]>,
    /// Value and slope per edge.
    pub(super) edges: Vec<f64>,
    slopes: Vec<f64>,
    sums: Vec<f64>,
    /// Derivative of what was asked for with respect to the sums, after [`Pass::backward`].
    pub(super) on_sums: Vec<f64>,
}

impl At {
    fn new(layer: &Layer) -> Self {
        let width = layer.bases[0].width();
        let edges = layer.inputs * layer.sums;
        At {
            width,
            first: vec![0; layer.inputs],
            value: vec![0.0; layer.inputs * width],
            d1: vec![0.0; layer.inputs * width],
            d2: vec![0.0; width],
            base: vec![[0.0; 2]; layer.inputs],
            edges: vec![0.0; edges],
            slopes: vec![0.0; edges],
            sums: vec![0.0; layer.sums],
            on_sums: vec![0.0; layer.sums],
        }
    }

    pub(super) fn functions(&self, input: usize) -> &[f64] {
        &self.value[input * self.width..(input + 1) * self.width]
    }

    fn evaluate(&mut self, layer: &Layer, way: Way, input: usize, x: f64) {
        let w = self.width;
        let range = input * w..(input + 1) * w;
        let (value, d1) = (&mut self.value[range.clone()], &mut self.d1[range]);
        self.first[input] = match way {
            Way::Uniform {
                from,
                cells,
                inverse,
            } => uniform(x, from, cells, inverse, value, d1),
            Way::General => {
                let mut out = Slices {
                    value,
                    d1,
                    d2: &mut self.d2,
                };
                layer.basis(input).evaluate(x, layer.outside, &mut out)
            }
        };
        if layer.has_base() {
            let [v, d, _] = layer.base.at(x);
            self.base[input] = [v, d];
        }
    }
}

/// Values and derivatives of the B-splines on equal cells at `x`; beyond the grid along the tangent at its end.
fn uniform(
    x: f64,
    from: f64,
    cells: f64,
    inverse: f64,
    value: &mut [f64],
    d1: &mut [f64],
) -> usize {
    let u = (x - from) * inverse;
    // NaN passes through the clamp.
    let inside = u.clamp(0.0, cells);
    let cell = inside.floor().min(cells - 1.0);
    let t = inside - cell;
    let order = value.len() - 1;
    if let ([v0, v1, v2, v3], [d0, e1, d2, d3]) = (&mut *value, &mut *d1) {
        let s = 1.0 - t;
        (*v0, *v3) = (s * s * s / 6.0, t * t * t / 6.0);
        (*v1, *v2) = (
            2.0 / 3.0 - t * t * (1.0 - 0.5 * t),
            2.0 / 3.0 - s * s * (1.0 - 0.5 * s),
        );
        (*d0, *d3) = (-0.5 * s * s, 0.5 * t * t);
        (*e1, *d2) = (t * (1.5 * t - 2.0), s * (2.0 - 1.5 * s));
    } else {
        // The recurrence of de Boor with knots at the integers; the functions of one degree less give the slopes.
        let mut v = [0.0; MAX_ORDER + 2];
        v[0] = 1.0;
        for j in 1..=order {
            if j == order {
                for (r, d) in d1.iter_mut().enumerate() {
                    let left = if r > 0 { v[r - 1] } else { 0.0 };
                    *d = left - if r < order { v[r] } else { 0.0 };
                }
            }
            let mut saved = 0.0;
            for (r, v) in v.iter_mut().enumerate().take(j) {
                let term = *v / j as f64;
                *v = saved + (r as f64 + 1.0 - t) * term;
                saved = (t + (j - 1 - r) as f64) * term;
            }
            v[j] = saved;
        }
        value.copy_from_slice(&v[..=order]);
    }
    let beyond = u - inside;
    if beyond != 0.0 {
        for (v, d) in value.iter_mut().zip(d1.iter()) {
            *v += beyond * d;
        }
    }
    d1.iter_mut().for_each(|d| *d *= inverse);
    cell as usize
}

/// Functions of the inputs, which stay from iteration to iteration, for all rows.
#[derive(Debug)]
pub(super) struct Inputs {
    first: Vec<u32>,
    value: Vec<f64>,
    base: Vec<f64>,
}

/// Most numbers that [`Inputs`] may hold (64 MiB).
const MOST_INPUTS: usize = 1 << 23;

impl Inputs {
    /// `None` where they would take more than 64 MiB.
    pub(super) fn new(net: &Kan, plan: &Plan, x: &[f64], rows: &[usize]) -> Option<Self> {
        let layer = &net.layers()[0];
        let (n, w) = (layer.inputs, layer.bases[0].width());
        rows.len()
            .checked_mul(n * (w + 2))
            .filter(|s| *s <= MOST_INPUTS)?;
        let mut at = At::new(layer);
        let mut out = Inputs {
            first: Vec::with_capacity(rows.len() * n),
            value: Vec::with_capacity(rows.len() * n * w),
            base: Vec::new(),
        };
        for row in rows {
            for (i, x) in x[row * n..(row + 1) * n].iter().enumerate() {
                at.evaluate(layer, plan.ways[0][i], i, *x);
                out.first.push(at.first[i] as u32);
                if layer.has_base() {
                    out.base.push(at.base[i][0]);
                }
            }
            out.value.extend_from_slice(&at.value);
        }
        Some(out)
    }
}

/// Buffers for one row.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) layers: Vec<At>,
    nodes: Vec<Vec<f64>>,
    above: Vec<f64>,
    below: Vec<f64>,
}

impl Pass {
    pub(super) fn new(net: &Kan) -> Self {
        Pass {
            layers: net.layers().iter().map(At::new).collect(),
            nodes: net.widths().iter().map(|w| vec![0.0; *w]).collect(),
            above: Vec::new(),
            below: Vec::new(),
        }
    }

    /// Runs a row; `stored` gives the functions of its inputs, as row number `k` of [`Inputs`].
    pub(super) fn forward(
        &mut self,
        net: &Kan,
        plan: &Plan,
        x: &[f64],
        stored: Option<(&Inputs, usize)>,
    ) -> &[f64] {
        self.nodes[0].copy_from_slice(x);
        for (l, layer) in net.layers().iter().enumerate() {
            let at = &mut self.layers[l];
            let (before, after) = self.nodes.split_at_mut(l + 1);
            let x = &before[l];
            match stored {
                Some((inputs, k)) if l == 0 => {
                    let n = layer.inputs;
                    for (to, from) in at.first.iter_mut().zip(&inputs.first[k * n..]) {
                        *to = *from as usize;
                    }
                    let size = at.value.len();
                    at.value
                        .copy_from_slice(&inputs.value[k * size..(k + 1) * size]);
                    if layer.has_base() {
                        for (to, from) in at.base.iter_mut().zip(&inputs.base[k * n..]) {
                            to[0] = *from;
                        }
                    }
                }
                _ => {
                    for (i, x) in x.iter().enumerate() {
                        at.evaluate(layer, plan.ways[l][i], i, *x);
                    }
                }
            }
            add_up(layer, at, x, l > 0, plan.whole[l]);
            layer.combine(&at.sums, &mut after[0]);
        }
        &self.nodes[self.layers.len()]
    }

    /// From weights on the outputs to weights on the sums of every layer ([`At::on_sums`]). `edges` adds, per layer
    /// and edge, a factor times the sign of the edge's value to the weight of that edge.
    pub(super) fn backward(&mut self, net: &Kan, weights: &[f64], edges: Option<&[Vec<f64>]>) {
        self.above.clear();
        self.above.extend_from_slice(weights);
        for (l, layer) in net.layers().iter().enumerate().rev() {
            let at = &mut self.layers[l];
            layer.weigh_sums(&at.sums, &self.above, &mut at.on_sums);
            if l == 0 {
                break;
            }
            self.below.clear();
            for i in 0..layer.inputs {
                let range = i * layer.sums..(i + 1) * layer.sums;
                let slopes = &at.slopes[range.clone()];
                let mut sum: f64 = slopes.iter().zip(&at.on_sums).map(|(s, w)| s * w).sum();
                if let Some(factors) = edges {
                    let values = at.edges[range.clone()].iter().zip(&factors[l][range]);
                    for ((value, factor), slope) in values.zip(slopes) {
                        sum += factor * sign(*value) * slope;
                    }
                }
                self.below.push(sum);
            }
            std::mem::swap(&mut self.above, &mut self.below);
        }
    }

    /// Calls `each(first parameter, functions, weight of the edge)` for all trained edges, after
    /// [`Pass::backward`]; parameters rise from call to call.
    pub(super) fn each_segment(
        &self,
        net: &Kan,
        plan: &Plan,
        edges: Option<&[Vec<f64>]>,
        mut each: impl FnMut(usize, &[f64], f64),
    ) {
        for (l, layer) in net.layers().iter().enumerate() {
            let at = &self.layers[l];
            let n = layer.functions();
            let weight = |edge: usize, s: usize| match edges {
                Some(f) => at.on_sums[s] + f[l][edge] * sign(at.edges[edge]),
                None => at.on_sums[s],
            };
            let trained = |edge: usize| plan.whole[l] || layer.edges[edge] == Edge::Trained;
            for i in 0..layer.inputs {
                for s in 0..layer.sums {
                    let edge = i * layer.sums + s;
                    if trained(edge) {
                        let from = plan.starts[l] + edge * n + at.first[i];
                        let width = at.width.min(n - at.first[i]);
                        each(from, &at.functions(i)[..width], weight(edge, s));
                    }
                }
            }
            if layer.has_base() {
                let from = plan.starts[l] + layer.coefficients.len();
                for i in 0..layer.inputs {
                    for s in 0..layer.sums {
                        let edge = i * layer.sums + s;
                        if trained(edge) {
                            each(from + edge, &at.base[i][..1], weight(edge, s));
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn sign(v: f64) -> f64 {
    if v > 0.0 {
        1.0
    } else if v < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Values (and slopes) of the edges and their sums.
fn add_up(layer: &Layer, at: &mut At, x: &[f64], slopes: bool, whole: bool) {
    at.sums.copy_from_slice(&layer.sum_shift);
    let (n, w) = (layer.functions(), at.width);
    for (i, x) in x.iter().enumerate() {
        let functions = &at.value[i * w..(i + 1) * w];
        let d1 = &at.d1[i * w..(i + 1) * w];
        for s in 0..layer.sums {
            let edge = i * layer.sums + s;
            let (value, slope) = match &layer.edges[edge] {
                Edge::Removed if !whole => (0.0, 0.0),
                Edge::Fixed(symbolic) if !whole => {
                    let [v, d, _] = symbolic.at(*x);
                    (v, d)
                }
                _ => {
                    let c = &layer.coefficients[edge * n + at.first[i]..];
                    let [mut value, mut slope] = [0.0; 2];
                    if let ([c0, c1, c2, c3, ..], [v0, v1, v2, v3], [d0, e1, d2, d3]) =
                        (c, functions, d1)
                    {
                        value += (c0 * v0 + c1 * v1) + (c2 * v2 + c3 * v3);
                        if slopes {
                            slope += (c0 * d0 + c1 * e1) + (c2 * d2 + c3 * d3);
                        }
                    } else {
                        value += c.iter().zip(functions).map(|(c, v)| c * v).sum::<f64>();
                        if slopes {
                            slope += c.iter().zip(d1).map(|(c, v)| c * v).sum::<f64>();
                        }
                    }
                    if layer.has_base() {
                        value += layer.base_scale[edge] * at.base[i][0];
                        slope += layer.base_scale[edge] * at.base[i][1];
                    }
                    (value, slope)
                }
            };
            at.sums[s] += value;
            at.edges[edge] = value;
            at.slopes[edge] = slope;
        }
    }
}

impl Layer {
    /// Outputs from sums.
    fn combine(&self, sums: &[f64], y: &mut [f64]) {
        let plain = self.plain_sums();
        y[..plain].copy_from_slice(&sums[..plain]);
        let mut from = plain;
        for (y, factors) in y[plain..].iter_mut().zip(&self.products) {
            *y = sums[from..from + factors].iter().product();
            from += factors;
        }
        for (y, shift) in y.iter_mut().zip(&self.output_shift) {
            *y += shift;
        }
    }

    /// Weights on the sums from weights on the outputs.
    fn weigh_sums(&self, sums: &[f64], outputs: &[f64], into: &mut [f64]) {
        let plain = self.plain_sums();
        into[..plain].copy_from_slice(&outputs[..plain]);
        let mut from = plain;
        for (weight, factors) in outputs[plain..].iter().zip(&self.products) {
            let group = &sums[from..from + factors];
            for skip in 0..*factors {
                let others = group.iter().enumerate().filter(|(k, _)| *k != skip);
                into[from + skip] = weight * others.map(|(_, v)| v).product::<f64>();
            }
            from += factors;
        }
    }
}
