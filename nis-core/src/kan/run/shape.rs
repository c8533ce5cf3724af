//! A layer as the kernels want it: what does not change in training, and where its weights lie in the packed list.

use pulp::{Arch, Simd, WithSimd};

use super::place::{Place, Tile};
use super::real::{Real, TILE, fitting};
use crate::error::Result;
use crate::kan::network::{Base, Edge, Layer, Symbolic};

/// Sums that are worked on together: as many as the registers hold.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    /// First sum.
    pub(super) from: usize,
    /// Sums, filled up to a multiple of 8.
    pub(super) width: usize,
    /// First weight within the layer.
    pub(super) start: usize,
}

/// One layer.
///
/// Its weights lie at `start..start + len` of the packed list: panel by panel, in it per input `rows` rows of the
/// panel's width, one number for each sum and zeros behind them. The rows of an input are its functions, then the
/// base function; where functions fade outside the grid there are rows of zeros before and after the functions.
#[derive(Debug, Clone)]
pub(super) struct Shape<T> {
    pub(super) inputs: usize,
    pub(super) sums: usize,
    pub(super) outputs: usize,
    /// Sums, filled up.
    pub(super) stride: usize,
    pub(super) panels: Vec<Panel>,
    pub(super) rows: usize,
    /// Functions that do not vanish at a point; row `base_row` holds the base function where there is one.
    pub(super) local: usize,
    pub(super) base_row: Option<usize>,
    pub(super) start: usize,
    pub(super) place: Place<T>,
    pub(super) base: Base,
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
        let rows = splines + usize::from(layer.has_base());
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
            panels: panels(stride, layer.inputs * rows, widest::<T>()),
            rows,
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

    /// Length of one derivative's functions in [`Tile::values`].
    pub(super) fn width(&self) -> usize {
        self.local + 1
    }

    pub(super) fn tiles(&self) -> usize {
        self.inputs.div_ceil(TILE)
    }

    /// The inputs of a tile: index, and place in the tile.
    #[inline(always)]
    pub(super) fn lanes(&self, t: usize) -> impl Iterator<Item = (usize, usize)> + Clone + use<T> {
        let from = t * TILE;
        (from..self.inputs.min(from + TILE)).zip(0..TILE)
    }

    /// Calls `each(packed index, parameter index)` for every parameter of a trained edge.
    pub(super) fn places(&self, mut each: impl FnMut(usize, usize)) {
        let coefficients = self.inputs * self.sums * self.functions;
        for edge in (0..self.inputs * self.sums).filter(|e| self.trained[*e]) {
            let (input, sum) = (edge / self.sums, edge % self.sums);
            let Some(panel) = self.panels.iter().rev().find(|p| p.from <= sum) else {
                continue;
            };
            let first =
                self.start + panel.start + input * self.rows * panel.width + sum - panel.from;
            for c in 0..self.functions {
                each(
                    first + (self.padding + c) * panel.width,
                    self.parameter + edge * self.functions + c,
                );
            }
            if let Some(row) = self.base_row {
                each(
                    first + row * panel.width,
                    self.parameter + coefficients + edge,
                );
            }
        }
    }

    /// Sets to zero what is no weight of a trained edge: padding and edges that are removed or fixed. `own` is the
    /// part of a packed gradient that belongs to a panel and to inputs from `input` on.
    pub(super) fn mask(&self, own: &mut [T], panel: &Panel, input: usize) {
        let zero = T::default();
        for (k, block) in own.chunks_mut(self.rows * panel.width).enumerate() {
            if self.padding > 0 {
                let pad = self.padding * panel.width;
                block[..pad].fill(zero);
                let end = (self.padding + self.functions) * panel.width;
                block[end..end + pad].fill(zero);
            }
            if self.masked {
                let trained = &self.trained[(input + k) * self.sums..(input + k + 1) * self.sums];
                for row in block.chunks_mut(panel.width) {
                    for (v, trained) in row.iter_mut().zip(&trained[panel.from..]) {
                        if !trained {
                            *v = zero;
                        }
                    }
                }
            }
        }
    }

    /// The functions of a tile of inputs and their `D` derivatives, for some rows of the layer's inputs.
    #[inline(always)]
    pub(super) fn evaluate<const D: usize, S: Simd>(
        &self,
        simd: S,
        t: usize,
        x: &[T],
        out: &mut Tile<T>,
    ) {
        out.fit(x.len() / self.inputs, (D + 1) * self.width());
        simd.vectorize(Evaluate::<'_, T, D> {
            shape: self,
            t,
            x,
            out,
        });
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

struct Evaluate<'a, T, const D: usize> {
    shape: &'a Shape<T>,
    t: usize,
    x: &'a [T],
    out: &'a mut Tile<T>,
}

impl<T: Real, const D: usize> WithSimd for Evaluate<'_, T, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Evaluate { shape, t, x, out } = self;
        shape
            .place
            .evaluate::<D, S>(simd, t, x, shape.inputs, shape.width(), shape.base, out);
    }
}

/// Sums of the widest panel: eight vectors of this processor.
fn widest<T: Real>() -> usize {
    struct Lanes<T>(std::marker::PhantomData<T>);
    impl<T: Real> WithSimd for Lanes<T> {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            T::lanes::<S>()
        }
    }
    8 * Arch::new().dispatch(Lanes::<T>(std::marker::PhantomData))
}

/// Widest panels first, then halves, down to 8 sums.
fn panels(stride: usize, rows: usize, widest: usize) -> Vec<Panel> {
    let (mut from, mut width) = (0, widest.max(TILE));
    let mut out = Vec::new();
    while from < stride {
        while width > stride - from {
            width /= 2;
        }
        out.push(Panel {
            from,
            width,
            start: from * rows,
        });
        from += width;
    }
    out
}
