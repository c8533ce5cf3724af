//! A layer: every input has an edge to every sum; sums are outputs, or factors of an output.

use super::edge::{Base, Edge, Symbolic};
use super::{MOST_PARAMETERS, too_many};
use crate::error::{Error, Result};
use crate::kan::basis::{Basis, Family, Outside};
use crate::optim::Random;

/// A layer of edges.
///
/// Every input has an edge to every **sum**. The first sums are outputs of the layer as they are; the others are
/// multiplied in groups (`products`: how many factors each), as the multiplication nodes of Liu et al., "KAN 2.0"
/// (2024), section 3.1. After that a constant may be added to each output.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub(crate) inputs: usize,
    pub(crate) sums: usize,
    /// One for all inputs, or one per input; all of one family, order and size.
    pub(crate) bases: Vec<Basis>,
    pub(crate) base: Base,
    pub(crate) outside: Outside,
    /// `[input][sum][function]`
    pub(crate) coefficients: Vec<f64>,
    /// `[input][sum]`; 0 without base function
    pub(crate) base_scale: Vec<f64>,
    /// `[input][sum]`
    pub(crate) edges: Vec<Edge>,
    /// Factors of each product; they take the last sums in order.
    pub(crate) products: Vec<usize>,
    /// Constant added to each sum (before products are taken).
    pub(crate) sum_shift: Vec<f64>,
    /// Constant added to each output.
    pub(crate) output_shift: Vec<f64>,
}

impl Layer {
    /// A layer of zero edges from `inputs` to `sums`, without products.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no inputs or sums; [`Error::Limit`] over ten million coefficients.
    pub fn new(
        inputs: usize,
        sums: usize,
        basis: Basis,
        base: Base,
        outside: Outside,
    ) -> Result<Self> {
        if inputs == 0 || sums == 0 {
            return Err(Error::invalid(
                "inputs, outputs",
                format!("{inputs}, {sums}"),
                "positive numbers",
            ));
        }
        let edges = inputs.saturating_mul(sums);
        let coefficients = edges.saturating_mul(basis.functions());
        if coefficients > MOST_PARAMETERS {
            return Err(too_many("coefficients of a layer", coefficients));
        }
        Ok(Layer {
            inputs,
            sums,
            base,
            outside,
            coefficients: vec![0.0; coefficients],
            base_scale: vec![0.0; edges],
            edges: vec![Edge::Trained; edges],
            products: Vec::new(),
            sum_shift: vec![0.0; sums],
            output_shift: vec![0.0; sums],
            bases: vec![basis],
        })
    }

    /// Puts in spline coefficients `[input][sum][function]` and, per edge `[input][sum]`, the factors of the
    /// spline (multiplied into the coefficients) and of the base function.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit or a value is not finite.
    pub fn with_weights(
        mut self,
        coefficients: Vec<f64>,
        spline_scale: Vec<f64>,
        base_scale: Vec<f64>,
    ) -> Result<Self> {
        let edges = self.inputs * self.sums;
        for (field, new, length) in [
            ("coefficients", &coefficients, self.coefficients.len()),
            ("spline_scale", &spline_scale, edges),
            ("base_scale", &base_scale, edges),
        ] {
            fitting(field, new, length)?;
        }
        self.coefficients = coefficients;
        let n = self.functions();
        for (c, s) in self.coefficients.chunks_mut(n).zip(&spline_scale) {
            c.iter_mut().for_each(|c| *c *= s);
        }
        self.base_scale = base_scale;
        Ok(self)
    }

    /// Gives every input a basis of its own.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is not one per input, or they differ in family, order or size.
    pub fn with_bases(mut self, bases: Vec<Basis>) -> Result<Self> {
        let alike = |b: &Basis| {
            let own = &self.bases[0];
            b.family() == own.family()
                && b.functions() == own.functions()
                && b.order() == own.order()
        };
        if bases.len() != self.inputs || !bases.iter().all(alike) {
            return Err(Error::invalid(
                "bases",
                format!("{} bases", bases.len()),
                format!(
                    "{} of one family, order and number of functions",
                    self.inputs
                ),
            ));
        }
        self.bases = bases;
        Ok(self)
    }

    /// Multiplies the last sums in groups of the given sizes.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a group of fewer than 2 or more factors than there are sums.
    pub fn with_products(mut self, products: Vec<usize>) -> Result<Self> {
        let factors = products.iter().try_fold(0usize, |n, p| n.checked_add(*p));
        if products.iter().any(|p| *p < 2) || factors.is_none_or(|f| f > self.sums) {
            return Err(Error::invalid(
                "products",
                format!("{products:?}"),
                format!("groups of at least 2 of the {} sums", self.sums),
            ));
        }
        self.products = products;
        self.output_shift = vec![0.0; self.outputs()];
        Ok(self)
    }

    /// Adds a constant to each sum (before products are taken) and to each output.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit or a value is not finite.
    pub fn with_shifts(mut self, sums: Vec<f64>, outputs: Vec<f64>) -> Result<Self> {
        fitting("sum_shift", &sums, self.sums)?;
        fitting("output_shift", &outputs, self.outputs())?;
        self.sum_shift = sums;
        self.output_shift = outputs;
        Ok(self)
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of sums: edges per input.
    pub fn sums(&self) -> usize {
        self.sums
    }

    /// Number of outputs: sums that are no factors, then products.
    pub fn outputs(&self) -> usize {
        self.plain_sums() + self.products.len()
    }

    /// Number of sums that are outputs themselves.
    pub(crate) fn plain_sums(&self) -> usize {
        self.sums - self.products.iter().sum::<usize>()
    }

    pub(crate) fn has_base(&self) -> bool {
        self.base != Base::None
    }

    pub(crate) fn parameters(&self) -> usize {
        self.coefficients.len()
            + if self.has_base() {
                self.base_scale.len()
            } else {
                0
            }
    }

    /// Every edge starts as a line of random slope with a slight random bend, scaled so that a node's sum stays
    /// in the grid.
    pub(super) fn start(&mut self, random: &mut Random) {
        let size = 1.0 / (self.inputs as f64).sqrt();
        let n = self.functions();
        let line = self.line();
        for edge in 0..self.inputs * self.sums {
            let slope = size * random.symmetric();
            for (c, line) in self.coefficients[edge * n..(edge + 1) * n]
                .iter_mut()
                .zip(&line)
            {
                *c = slope * line + 0.1 * size * random.symmetric();
            }
        }
    }

    /// Coefficients of the line from -1 to 1 over the grid: exact for B-splines (Marsden's identity) and
    /// Chebyshev polynomials, the leading odd function for the others.
    fn line(&self) -> Vec<f64> {
        let (basis, n) = (&self.bases[0], self.functions());
        let (a, b) = basis.grid();
        let at = |x: f64| 2.0 * (x - a) / (b - a) - 1.0;
        let odd = |index: usize| (0..n).map(|c| if c == index { 1.0 } else { 0.0 }).collect();
        match basis.family() {
            Family::BSpline => basis
                .knots()
                .windows(basis.order() + 2)
                .map(|t| at(t[1..=basis.order()].iter().sum::<f64>() / basis.order() as f64))
                .collect(),
            Family::Chebyshev | Family::Rational => odd(1),
            Family::Fourier => odd(2),
            Family::Rbf => {
                // Gaussians of this width sum to about sqrt(pi).
                let centre = |c: usize| 2.0 * c as f64 / (n.max(2) - 1) as f64 - 1.0;
                (0..n)
                    .map(|c| centre(c) / std::f64::consts::PI.sqrt())
                    .collect()
            }
        }
    }

    /// Functions per edge.
    pub(crate) fn functions(&self) -> usize {
        self.bases[0].functions()
    }

    /// The basis of an input.
    pub fn basis(&self, input: usize) -> &Basis {
        &self.bases[if self.bases.len() == 1 { 0 } else { input }]
    }

    /// Factors of each product.
    pub fn products(&self) -> &[usize] {
        &self.products
    }

    pub(crate) fn edge(&self, input: usize, sum: usize) -> usize {
        input * self.sums + sum
    }

    /// What is on an edge; `None` where there is no such edge.
    pub fn edge_kind(&self, input: usize, sum: usize) -> Option<&Edge> {
        (input < self.inputs && sum < self.sums).then(|| &self.edges[self.edge(input, sum)])
    }

    /// Removes an edge, puts a symbolic function in its place, or makes it trained again.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no such edge.
    pub fn set_edge(&mut self, input: usize, sum: usize, kind: Edge) -> Result<()> {
        if input >= self.inputs || sum >= self.sums {
            return Err(Error::invalid(
                "edge",
                format!("{input}, {sum}"),
                format!("below {}, {}", self.inputs, self.sums),
            ));
        }
        let edge = self.edge(input, sum);
        self.edges[edge] = kind;
        Ok(())
    }

    /// The function on an edge at `x`; `None` where there is no such edge.
    pub fn edge_value(&self, input: usize, sum: usize, x: f64) -> Option<f64> {
        (input < self.inputs && sum < self.sums).then(|| self.at(input, sum, x))
    }

    pub(crate) fn at(&self, input: usize, sum: usize, x: f64) -> f64 {
        let edge = self.edge(input, sum);
        match &self.edges[edge] {
            Edge::Removed => 0.0,
            Edge::Fixed(symbolic) => Symbolic::at(symbolic, x)[0],
            Edge::Trained => {
                let local = self.basis(input).local(x, self.outside);
                let start = edge * self.functions() + local.first;
                let spline: f64 = self.coefficients[start..]
                    .iter()
                    .zip(&local.value)
                    .map(|(c, v)| c * v)
                    .sum();
                spline + self.base_scale[edge] * self.base.at(x)[0]
            }
        }
    }
}

fn fitting(field: &str, new: &[f64], length: usize) -> Result<()> {
    if new.len() != length {
        return Err(Error::invalid(
            field,
            format!("{} values", new.len()),
            format!("{length} values"),
        ));
    }
    match new.iter().find(|v| !v.is_finite()) {
        Some(bad) => Err(Error::invalid(field, bad, "finite values")),
        None => Ok(()),
    }
}
