//! Networks trained by pykan (Liu et al., version 0.2.x, class `MultKAN`), from their `state_dict` as arrays.
//!
//! A layer of pykan gives `node_scale * product(subnode_scale * sum + subnode_bias) + node_bias`, where every sum is
//! over edges `mask * (scale_base * base(x) + scale_sp * spline(x))` plus, where its mask says so, a symbolic
//! function `c f(a x + b) + d`. Scales are multiplied into the coefficients here, so outputs are the same to rounding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::raw::{bounded, inside};
use crate::error::{Error, Result};
use crate::kan::{Base, Basis, Edge, Kan, Layer, Outside};

/// An array with its shape, row-major.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Sizes of its dimensions.
    pub shape: Vec<usize>,
    /// As many values as the sizes multiply to.
    pub values: Vec<f64>,
}

/// Factors of pykan's multiplication nodes: one number for all, or per layer after the inputs a list (the first of
/// pykan's lists, which belongs to the inputs and is empty, left in).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MultArity {
    /// The same for all.
    All(usize),
    /// `[layer][node]`, inputs first.
    Each(Vec<Vec<usize>>),
}

/// What pykan keeps outside its arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PykanOptions {
    /// pykan's `base_fun`: `silu`, `identity` or `zero`.
    pub base_fun: String,
    /// pykan's `mult_arity`.
    pub mult_arity: MultArity,
    /// pykan's `symbolic_enabled`; without it symbolic functions are not part of the network.
    pub symbolic_enabled: bool,
    /// pykan's `symbolic_fun[l].funs_name` for every layer: `[layer][output][input]`. Not needed where no edge is
    /// symbolic.
    pub funs_name: Vec<Vec<Vec<String>>>,
}

impl Default for PykanOptions {
    fn default() -> Self {
        PykanOptions {
            base_fun: "silu".into(),
            mult_arity: MultArity::All(2),
            symbolic_enabled: true,
            funs_name: Vec::new(),
        }
    }
}

/// pykan's names of functions and what they are.
const FUNCTIONS: [(&str, &str); 29] = [
    ("x", "x"),
    ("x^2", "x^2"),
    ("x^3", "x^3"),
    ("x^4", "x^4"),
    ("x^5", "x^5"),
    ("1/x", "1/x"),
    ("1/x^2", "1/x^2"),
    ("1/x^3", "1/x^3"),
    ("1/x^4", "1/x^4"),
    ("1/x^5", "1/x^5"),
    ("sqrt", "sqrt(x)"),
    ("x^0.5", "sqrt(x)"),
    ("x^1.5", "sqrt(x)^3"),
    ("1/sqrt(x)", "1/sqrt(x)"),
    ("1/x^0.5", "1/sqrt(x)"),
    ("exp", "exp(x)"),
    ("log", "log(x)"),
    ("abs", "abs(x)"),
    ("sin", "sin(x)"),
    ("cos", "cos(x)"),
    ("tan", "tan(x)"),
    ("tanh", "tanh(x)"),
    ("sgn", "sign(x)"),
    ("arcsin", "atan(x/sqrt(1 - x^2))"),
    ("arccos", "pi/2 - atan(x/sqrt(1 - x^2))"),
    ("arctan", "atan(x)"),
    ("arctanh", "log((1 + x)/(1 - x))/2"),
    ("0", "0"),
    ("gaussian", "exp(-x^2)"),
];

struct State<'a>(&'a BTreeMap<String, Array>);

impl<'a> State<'a> {
    /// An array of so many dimensions.
    fn array<const D: usize>(&self, name: &str) -> Result<([usize; D], &'a [f64])> {
        let array = self.0.get(name).ok_or_else(|| Error::NotFound {
            what: "array of the state_dict".into(),
            name: name.into(),
        })?;
        let total = array
            .shape
            .iter()
            .try_fold(1usize, |n, s| n.checked_mul(*s));
        let shape: Option<[usize; D]> = array.shape.clone().try_into().ok();
        match shape {
            Some(shape) if total == Some(array.values.len()) => Ok((shape, &array.values)),
            _ => Err(Error::invalid(
                name,
                format!("shape {:?} of {} values", array.shape, array.values.len()),
                format!("{D} dimensions that fit the values"),
            )),
        }
    }

    /// An array of this shape.
    fn shaped<const D: usize>(&self, name: &str, want: [usize; D]) -> Result<&'a [f64]> {
        let (shape, values) = self.array::<D>(name)?;
        if shape == want {
            return Ok(values);
        }
        Err(Error::invalid(
            name,
            format!("shape {shape:?}"),
            format!("shape {want:?}"),
        ))
    }
}

impl Kan {
    /// The network of a pykan checkpoint: the arrays of its `state_dict` by name (`act_fun.0.grid`,
    /// `symbolic_fun.0.affine`, `node_bias_0`, ..). Edges go on outside the grid as pykan's do: splines fade to zero.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an array that is missing; [`Error::InvalidInput`] for shapes that do not fit, values
    /// that are not finite, a spline order outside 1 to 5, an unknown base function or symbolic function, or an edge
    /// that is a spline and a symbolic function at once, which has no place here.
    pub fn from_pykan(state: &BTreeMap<String, Array>, options: &PykanOptions) -> Result<Self> {
        let base = match options.base_fun.as_str() {
            "silu" => Base::Silu,
            "identity" => Base::Identity,
            "zero" => Base::None,
            other => {
                return Err(Error::invalid("base_fun", other, "silu, identity or zero"));
            }
        };
        let state = State(state);
        let mut layers = Vec::new();
        // Symbolic functions come from a fixed list: no bound on derivatives is needed beyond their number.
        let mut budget = u64::MAX;
        while state
            .0
            .contains_key(&format!("act_fun.{}.coef", layers.len()))
        {
            let l = layers.len();
            layers.push(layer(&state, l, base, options, &mut budget)?);
        }
        if layers.is_empty() {
            return Err(Error::NotFound {
                what: "array of the state_dict".into(),
                name: "act_fun.0.coef".into(),
            });
        }
        Kan::from_layers(layers)
    }
}

fn layer(
    state: &State<'_>,
    l: usize,
    base: Base,
    options: &PykanOptions,
    budget: &mut u64,
) -> Result<Layer> {
    let part = |what: &str| format!("act_fun.{l}.{what}");
    let ([inputs, sums, functions], coefficients) = state.array::<3>(&part("coef"))?;
    let ([_, knots], grid) = state.array::<2>(&part("grid"))?;
    let Some(order) = knots.checked_sub(functions + 1) else {
        return Err(Error::invalid(
            part("grid"),
            format!("{knots} knots"),
            format!("more than the {functions} coefficients"),
        ));
    };
    state.shaped(&part("grid"), [inputs, knots])?;
    let bases: Result<Vec<Basis>> = grid
        .chunks(knots.max(1))
        .map(|t| Basis::new(t.to_vec(), order))
        .collect();
    let bases = bases.map_err(|e| inside(l, e))?;
    let Some(first) = bases.first().cloned() else {
        return Err(Error::invalid(part("grid"), "no inputs", "at least one"));
    };
    let edges = [inputs, sums];
    let mask = state.shaped(&part("mask"), edges)?;
    let spline_scale = state.shaped(&part("scale_sp"), edges)?;
    let base_scale = state.shaped(&part("scale_base"), edges)?;

    let ([outputs], node_bias) = state.array::<1>(&format!("node_bias_{l}"))?;
    let node_scale = state.shaped(&format!("node_scale_{l}"), [outputs])?;
    let sum_bias = state.shaped(&format!("subnode_bias_{l}"), [sums])?;
    let sum_scale = state.shaped(&format!("subnode_scale_{l}"), [sums])?;
    let products = products(l, sums, outputs, &options.mult_arity)?;

    // What every sum is multiplied with in the end: the node's scale goes into the first factor of a product.
    let plain = outputs - products.len();
    let mut of_node = vec![1.0; sums];
    let mut from = plain;
    for (o, scale) in node_scale.iter().enumerate() {
        let first = if o < plain {
            o
        } else {
            let first = from;
            from += products[o - plain];
            first
        };
        of_node[first] = *scale;
    }
    let scale = |sum: usize| of_node[sum] * sum_scale[sum];
    let scaled = |values: &[f64]| -> Vec<f64> {
        (0..inputs * sums)
            .map(|e| values[e] * mask[e] * scale(e % sums))
            .collect()
    };
    let shift = (0..sums).map(|s| of_node[s] * sum_bias[s]).collect();
    let mut layer = Layer::new(inputs, sums, first, base, Outside::Natural)
        .and_then(|layer| layer.with_bases(bases))
        .and_then(|layer| layer.with_products(products))
        .and_then(|layer| {
            let base_scale = match base {
                Base::None => vec![0.0; inputs * sums],
                _ => scaled(base_scale),
            };
            layer.with_weights(coefficients.to_vec(), scaled(spline_scale), base_scale)
        })
        .and_then(|layer| layer.with_shifts(shift, node_bias.to_vec()))
        .map_err(|e| inside(l, e))?;
    for (edge, mask) in mask.iter().enumerate() {
        if *mask == 0.0 {
            layer.set_edge(edge / sums, edge % sums, Edge::Removed)?;
        }
    }
    if options.symbolic_enabled {
        symbolic(state, l, &mut layer, &options.funs_name, scale, budget)?;
    }
    Ok(layer)
}

/// Factors of the products: there are as many more sums than outputs as the products take.
fn products(l: usize, sums: usize, outputs: usize, arity: &MultArity) -> Result<Vec<usize>> {
    let unfit = |expected: String| {
        Error::invalid(
            "mult_arity",
            format!("{sums} sums for {outputs} nodes in layer {l}"),
            expected,
        )
    };
    match arity {
        MultArity::All(_) if sums == outputs => Ok(Vec::new()),
        MultArity::All(a) => {
            let (more, each) = (sums.checked_sub(outputs), a.saturating_sub(1));
            match more {
                Some(more) if each > 0 && more % each == 0 && more / each <= outputs => {
                    Ok(vec![*a; more / each])
                }
                _ => Err(unfit(format!("products of {a} factors"))),
            }
        }
        MultArity::Each(lists) => {
            let list = lists.get(l + 1).cloned().unwrap_or_default();
            let factors = list.iter().fold(0usize, |n, f| n.saturating_add(*f));
            let fits =
                list.len() <= outputs && factors.checked_add(outputs - list.len()) == Some(sums);
            if fits {
                Ok(list)
            } else {
                Err(unfit(format!("products of {list:?} factors")))
            }
        }
    }
}

fn symbolic(
    state: &State<'_>,
    l: usize,
    layer: &mut Layer,
    names: &[Vec<Vec<String>>],
    scale: impl Fn(usize) -> f64,
    budget: &mut u64,
) -> Result<()> {
    let (inputs, sums) = (layer.inputs, layer.sums);
    let mask_name = format!("symbolic_fun.{l}.mask");
    if !state.0.contains_key(&mask_name) {
        return Ok(());
    }
    // These two lie the other way round: outputs first.
    let mask = state.shaped(&mask_name, [sums, inputs])?;
    let affine = state.shaped(&format!("symbolic_fun.{l}.affine"), [sums, inputs, 4])?;
    for (at, (mask, abcd)) in mask.iter().zip(affine.chunks(4)).enumerate() {
        if *mask == 0.0 {
            continue;
        }
        let (sum, input) = (at / inputs, at % inputs);
        let field = format!("funs_name[{l}][{sum}][{input}]");
        let name = names
            .get(l)
            .and_then(|layer| layer.get(sum))
            .and_then(|row| row.get(input))
            .ok_or_else(|| {
                Error::invalid(
                    field.as_str(),
                    "nothing",
                    "pykan's name of the symbolic function",
                )
            })?;
        let Some((_, text)) = FUNCTIONS.iter().find(|(own, _)| own == name) else {
            return Err(Error::invalid(
                field,
                name,
                "a function of pykan's library (SYMBOLIC_LIB)",
            ));
        };
        if layer.edge_kind(input, sum) != Some(&Edge::Removed) {
            return Err(Error::invalid(
                format!("symbolic_fun.{l}.mask[{sum}][{input}]"),
                "a symbolic function beside a spline (mode 'ns')",
                "one of the two: fix_symbolic leaves the symbolic function only",
            ));
        }
        let all = mask * scale(sum);
        let constants = match abcd {
            [a, b, c, d] => [*a, *b, c * all, d * all],
            _ => continue,
        };
        let symbolic = bounded(text, constants, budget).map_err(|e| inside(l, e))?;
        layer.set_edge(input, sum, Edge::Fixed(Box::new(symbolic)))?;
    }
    Ok(())
}
