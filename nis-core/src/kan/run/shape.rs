//! A layer as the kernels want it: what does not change in training, and where its weights lie in the packed list.

use super::place::{Place, Tile};
use super::real::{Eight, Real, TILE, fitting};
use crate::error::Result;
use crate::kan::network::{Base, Edge, Layer, Symbolic};

/// One layer.
///
/// Its weights lie at `start..start + len` of the packed list: per input `rows` rows of `stride` numbers, one for each
/// sum and zeros behind them. The rows of an input are its functions, then the base function; where functions fade
/// outside the grid there are rows of zeros before and after the functions.
#[derive(Debug, Clone)]
pub(super) struct Shape<T> {
    pub(super) inputs: usize,
    pub(super) sums: usize,
    pub(super) outputs: usize,
    pub(super) stride: usize,
    pub(super) rows: usize,
    /// Functions that do not vanish at a point; row `base_row` holds the base function where there is one.
    pub(super) local: usize,
    pub(super) base_row: Option<usize>,
    pub(super) start: usize,
    pub(super) place: Place<T>,
    base: Base,
    functions: usize,
    padding: usize,
    /// Index of the layer's first parameter in [`crate::kan::Kan::parameters`].
    parameter: usize,
    /// Edges that are trained, `[input][sum]`.
    trained: Vec<bool>,
    /// Inputs all of whose edges are removed or fixed: nothing to add up.
    pub(super) idle: Vec<bool>,
    /// Whether some edge is not trained.
    masked: bool,
    pub(super) fixed: Vec<(usize, usize, Symbolic)>,
    pub(super) products: Vec<usize>,
    pub(super) plain: usize,
    /// Filled up with zeros to `stride`.
    pub(super) sum_shift: Vec<T>,
    pub(super) output_shift: Vec<T>,
}

impl<T: Real> Shape<T> {
    pub(super) fn new(layer: &Layer, start: usize, parameter: usize) -> Result<Self> {
        let padding = Place::<T>::padding(&layer.bases, layer.outside);
        let functions = layer.functions();
        let splines = functions + 2 * padding;
        let base_row = layer.has_base().then_some(splines);
        let stride = layer.sums.next_multiple_of(TILE);
        let shift = |field: &str, all: &[f64]| {
            all.iter()
                .map(|v| fitting(field, *v))
                .collect::<Result<Vec<T>>>()
        };
        let mut sum_shift = shift("sum_shift", &layer.sum_shift)?;
        sum_shift.resize(stride, T::default());
        let trained: Vec<bool> = layer.edges.iter().map(|e| *e == Edge::Trained).collect();
        let fixed = layer
            .edges
            .iter()
            .enumerate()
            .filter_map(|(e, edge)| match edge {
                Edge::Fixed(symbolic) => {
                    Some((e / layer.sums, e % layer.sums, Symbolic::clone(symbolic)))
                }
                _ => None,
            });
        Ok(Shape {
            inputs: layer.inputs,
            sums: layer.sums,
            outputs: layer.outputs(),
            stride,
            rows: splines + usize::from(layer.has_base()),
            local: layer.bases[0].width(),
            base_row,
            start,
            place: Place::new(&layer.bases, layer.inputs, layer.outside)?,
            base: layer.base,
            functions,
            padding,
            parameter,
            idle: trained
                .chunks(layer.sums)
                .map(|t| !t.contains(&true))
                .collect(),
            masked: trained.contains(&false),
            fixed: fixed.collect(),
            trained,
            products: layer.products.clone(),
            plain: layer.plain_sums(),
            sum_shift,
            output_shift: shift("output_shift", &layer.output_shift)?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.inputs * self.rows * self.stride
    }

    /// Weights per input.
    pub(super) fn block(&self) -> usize {
        self.rows * self.stride
    }

    /// Length of one derivative's functions in [`Tile::values`].
    pub(super) fn width(&self) -> usize {
        self.local + 1
    }

    pub(super) fn tiles(&self) -> usize {
        self.inputs.div_ceil(TILE)
    }

    /// Calls `each(packed index, parameter index)` for every parameter of a trained edge.
    pub(super) fn places(&self, mut each: impl FnMut(usize, usize)) {
        let coefficients = self.inputs * self.sums * self.functions;
        for edge in (0..self.inputs * self.sums).filter(|e| self.trained[*e]) {
            let (input, sum) = (edge / self.sums, edge % self.sums);
            let first = self.start + input * self.block() + sum;
            for c in 0..self.functions {
                each(
                    first + (self.padding + c) * self.stride,
                    self.parameter + edge * self.functions + c,
                );
            }
            if let Some(row) = self.base_row {
                each(
                    first + row * self.stride,
                    self.parameter + coefficients + edge,
                );
            }
        }
    }

    /// Sets to zero what is no weight of a trained edge: padding and edges that are removed or fixed. `own` is the
    /// layer's part of a packed gradient.
    pub(super) fn mask(&self, own: &mut [T], inputs: std::ops::Range<usize>) {
        let zero = T::default();
        for (input, block) in inputs.zip(own.chunks_mut(self.block())) {
            if self.padding > 0 {
                let pad = self.padding * self.stride;
                block[..pad].fill(zero);
                let end = (self.padding + self.functions) * self.stride;
                block[end..end + pad].fill(zero);
            }
            if self.masked {
                let trained = &self.trained[input * self.sums..(input + 1) * self.sums];
                for row in block.chunks_mut(self.stride) {
                    for (v, trained) in row.iter_mut().zip(trained) {
                        if !trained {
                            *v = zero;
                        }
                    }
                }
            }
        }
    }

    /// The functions of a tile of inputs: `x` is one row of the layer's inputs.
    #[inline(always)]
    pub(super) fn evaluate<const D: usize>(
        &self,
        tile: usize,
        x: &[T],
        out: &mut Tile<T>,
    ) -> usize {
        let from = tile * TILE;
        let own = &x[from..self.inputs.min(from + TILE)];
        let mut eight = [T::default(); TILE];
        if let Ok(all) = own.try_into() {
            eight = all;
        } else {
            for (to, v) in eight.iter_mut().zip(own) {
                *to = *v;
            }
        }
        let width = self.width();
        self.place
            .evaluate::<D>(tile, own.len(), &eight, width, out);
        if self.base_row.is_some() {
            let base = base::<T, D>(self.base, &eight);
            for (d, v) in base.iter().enumerate().take(D + 1) {
                out.values[d * width + self.local] = *v;
            }
        }
        own.len()
    }

    /// Room in a tile for values and two derivatives.
    pub(super) fn fit(&self, tile: &mut Tile<T>) {
        let need = 3 * self.width();
        if tile.values.len() < need {
            tile.values.resize(need, [T::default(); TILE]);
        }
    }

    /// Outputs of one row from its sums.
    #[inline(always)]
    pub(super) fn outputs(&self, sums: &[T], y: &mut [T]) {
        let plain = self.plain;
        for ((y, sum), shift) in y.iter_mut().zip(&sums[..plain]).zip(&self.output_shift) {
            *y = *sum + *shift;
        }
        let mut from = plain;
        for (p, factors) in self.products.iter().enumerate() {
            let mut product = T::of(1.0);
            for v in &sums[from..from + factors] {
                product = product * *v;
            }
            y[plain + p] = product + self.output_shift[plain + p];
            from += factors;
        }
    }
}

/// Value and derivatives of the base function.
#[inline(always)]
pub(super) fn base<T: Real, const D: usize>(base: Base, x: &Eight<T>) -> [Eight<T>; 3] {
    let (zero, one) = (T::default(), T::of(1.0));
    let mut out = [[zero; TILE]; 3];
    match base {
        Base::None => {}
        Base::Identity => {
            out[0] = *x;
            out[1] = [one; TILE];
        }
        Base::Silu => {
            let mut minus = *x;
            for v in &mut minus {
                *v = zero - *v;
            }
            let e = T::exp8(minus);
            for l in 0..TILE {
                let s = T::reciprocal(one + e[l]);
                let s = if x[l] < T::SIGMOID_ZERO { zero } else { s };
                out[0][l] = x[l] * s;
                if D >= 1 {
                    let d = s * (one - s);
                    out[1][l] = s + x[l] * d;
                    if D >= 2 {
                        out[2][l] = d * (T::of(2.0) + x[l] * (one - s - s));
                    }
                }
            }
        }
    }
    out
}
