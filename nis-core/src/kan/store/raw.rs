//! A network as plain data: what the files hold, checked piece by piece on the way back.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::{Base, Basis, Edge, Family, Kan, Layer, Outside, Symbolic};

/// What `format` says in every file of a network.
const FORMAT: &str = "nis-kan";

/// The version that is written. A file of an older version is read, one of a newer version refused.
pub const VERSION: u32 = 1;

/// Most nodes of a symbolic function in a file: its second derivative is then small as well.
const FUNCTION_NODES: u64 = 100;

/// Longest text of a symbolic function in a file, in bytes.
const FUNCTION_TEXT: usize = 2000;

/// Nodes that the second derivatives of all symbolic functions may have together, beside one per coefficient.
const DERIVATIVE_NODES: u64 = 1_000_000;

#[derive(Clone, Copy)]
struct Tag;

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(FORMAT)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        if found == FORMAT {
            return Ok(Tag);
        }
        Err(de::Error::custom(Error::invalid("format", found, FORMAT)))
    }
}

#[derive(Clone, Copy)]
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1..=VERSION => Ok(Version),
            other => Err(de::Error::custom(Error::invalid(
                "version",
                other,
                format!("1 to {VERSION}; a newer NIS wrote this file"),
            ))),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKan {
    format: Tag,
    version: Version,
    pub(super) layers: Vec<RawLayer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayer {
    pub(super) inputs: usize,
    pub(super) sums: usize,
    family: Family,
    order: usize,
    pub(super) functions: usize,
    /// Per basis whether its cells are equal by construction.
    pub(super) uniform: Vec<bool>,
    base: Base,
    outside: Outside,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) products: Vec<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fixed: Vec<RawSymbolic>,
    /// Not there where tensors hold them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weights: Option<Weights>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSymbolic {
    input: usize,
    sum: usize,
    function: String,
    /// `inner_scale, inner_shift, scale, shift`
    constants: [f64; 4],
}

/// The arrays of a layer.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    /// `[basis][knot]`, one basis for all inputs or one for each
    pub(super) knots: Vec<Vec<f64>>,
    /// `[input][sum][function]`
    pub(super) coefficients: Vec<f64>,
    /// `[input][sum]`; not there where all are 0
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) base_scale: Vec<f64>,
    /// `[sum]`; not there where all are 0
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sum_shift: Vec<f64>,
    /// `[output]`; not there where all are 0
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) output_shift: Vec<f64>,
}

/// Nothing for all zeros.
fn unless_zero(values: &[f64]) -> Vec<f64> {
    if values.iter().all(|v| v.to_bits() == 0) {
        return Vec::new();
    }
    values.to_vec()
}

impl RawKan {
    /// With the arrays in it or without.
    pub(super) fn of(net: &Kan, weights: bool) -> Self {
        RawKan {
            format: Tag,
            version: Version,
            layers: net
                .layers
                .iter()
                .map(|l| RawLayer::of(l, weights))
                .collect(),
        }
    }

    pub(super) fn build(self) -> Result<Kan> {
        let mut budget = DERIVATIVE_NODES;
        let mut layers = Vec::with_capacity(self.layers.len());
        for (l, raw) in self.layers.into_iter().enumerate() {
            let layer = raw.build(&mut budget).map_err(|e| inside(l, e))?;
            layers.push(layer);
        }
        Kan::from_layers(layers)
    }
}

/// The error with the layer's place in front of its field.
pub(super) fn inside(layer: usize, error: Error) -> Error {
    match error {
        Error::InvalidInput {
            field,
            value,
            expected,
        } => Error::InvalidInput {
            field: format!("layers.{layer}.{field}"),
            value,
            expected,
        },
        Error::Parse {
            what,
            column,
            message,
        } => Error::Parse {
            what: format!("layers.{layer}.{what}"),
            column,
            message,
        },
        Error::NotFound { what, name } => Error::NotFound {
            what: format!("layers.{layer}.{what}"),
            name,
        },
        Error::Limit { what, limit, got } => Error::Limit {
            what: format!("layers.{layer}.{what}"),
            limit,
            got,
        },
        other => other,
    }
}

impl RawLayer {
    fn of(layer: &Layer, weights: bool) -> Self {
        let basis = layer.basis(0);
        let mut removed = Vec::new();
        let mut fixed = Vec::new();
        for (edge, kind) in layer.edges.iter().enumerate() {
            let (input, sum) = (edge / layer.sums, edge % layer.sums);
            match kind {
                Edge::Trained => {}
                Edge::Removed => removed.push([input, sum]),
                Edge::Fixed(symbolic) => fixed.push(RawSymbolic {
                    input,
                    sum,
                    function: symbolic.text().to_owned(),
                    constants: symbolic.constants(),
                }),
            }
        }
        RawLayer {
            inputs: layer.inputs,
            sums: layer.sums,
            family: basis.family(),
            order: basis.order(),
            functions: basis.functions(),
            uniform: layer.bases.iter().map(Basis::is_uniform).collect(),
            base: layer.base,
            outside: layer.outside,
            products: layer.products.clone(),
            removed,
            fixed,
            weights: weights.then(|| Weights::of(layer)),
        }
    }

    fn build(mut self, budget: &mut u64) -> Result<Layer> {
        let missing = || Error::invalid("weights", "nothing", "the arrays of the layer");
        let weights = self.weights.take().ok_or_else(missing)?;
        // Lengths first: what is made below is as large as what the file held, whatever its counts say.
        let edges = self.inputs.checked_mul(self.sums);
        let coefficients = edges.and_then(|e| e.checked_mul(self.functions));
        if coefficients != Some(weights.coefficients.len()) {
            return Err(Error::invalid(
                "coefficients",
                format!("{} values", weights.coefficients.len()),
                format!(
                    "{} x {} x {} values",
                    self.inputs, self.sums, self.functions
                ),
            ));
        }
        let bases = self.bases(weights.knots)?;
        let first = bases
            .first()
            .cloned()
            .ok_or_else(|| Error::invalid("knots", "none", "one basis at least"))?;
        let several = bases.len() > 1;
        let mut layer = Layer::new(self.inputs, self.sums, first, self.base, self.outside)?
            .with_products(self.products)?;
        if several {
            layer = layer.with_bases(bases)?;
        }
        let edges = layer.edges.len();
        let scale = or_zero(weights.base_scale, edges);
        layer = layer.with_weights(weights.coefficients, vec![1.0; edges], scale)?;
        let (sums, outputs) = (layer.sums, layer.outputs());
        layer = layer.with_shifts(
            or_zero(weights.sum_shift, sums),
            or_zero(weights.output_shift, outputs),
        )?;
        *budget = budget.saturating_add(layer.coefficients.len() as u64);
        set_edges(&mut layer, &self.removed, &self.fixed, budget)?;
        Ok(layer)
    }

    fn bases(&self, knots: Vec<Vec<f64>>) -> Result<Vec<Basis>> {
        let count = knots.len();
        if ![1, self.inputs].contains(&count) || self.uniform.len() != count {
            return Err(Error::invalid(
                "knots, uniform",
                format!("{count} and {}", self.uniform.len()),
                format!("1 or {} of both", self.inputs),
            ));
        }
        knots
            .into_iter()
            .zip(&self.uniform)
            .map(|(knots, uniform)| {
                Basis::stored(self.family, self.order, knots, self.functions, *uniform)
            })
            .collect()
    }
}

/// Sets the edges that are not trained; each may be named once.
fn set_edges(
    layer: &mut Layer,
    removed: &[[usize; 2]],
    fixed: &[RawSymbolic],
    budget: &mut u64,
) -> Result<()> {
    let twice = |[input, sum]: [usize; 2]| {
        Error::invalid(
            "removed, fixed",
            format!("edge {input}, {sum} twice"),
            "every edge once at most",
        )
    };
    for at in removed {
        if layer.edge_kind(at[0], at[1]) == Some(&Edge::Removed) {
            return Err(twice(*at));
        }
        layer.set_edge(at[0], at[1], Edge::Removed)?;
    }
    for raw in fixed {
        let at = [raw.input, raw.sum];
        if !matches!(layer.edge_kind(at[0], at[1]), Some(Edge::Trained) | None) {
            return Err(twice(at));
        }
        let symbolic = bounded(&raw.function, raw.constants, budget)?;
        layer.set_edge(at[0], at[1], Edge::Fixed(Box::new(symbolic)))?;
    }
    Ok(())
}

/// A symbolic function from outside, refused where its derivatives would take much memory.
pub(super) fn bounded(text: &str, constants: [f64; 4], budget: &mut u64) -> Result<Symbolic> {
    let limit = |what: &str, limit: u64, got: u64| Error::Limit {
        what: format!("{what} of a symbolic function"),
        limit,
        got,
    };
    if text.len() > FUNCTION_TEXT {
        return Err(limit("bytes", FUNCTION_TEXT as u64, text.len() as u64));
    }
    let expr = Expr::parse(text)?;
    if expr.complexity() > FUNCTION_NODES {
        return Err(limit("nodes", FUNCTION_NODES, expr.complexity()));
    }
    let second = expr.differentiate("x")?.differentiate("x")?.complexity();
    *budget = budget
        .checked_sub(second)
        .ok_or_else(|| limit("derivatives", *budget, second))?;
    Symbolic::new(text, constants)
}

fn or_zero(values: Vec<f64>, length: usize) -> Vec<f64> {
    if values.is_empty() {
        return vec![0.0; length];
    }
    values
}

impl Weights {
    pub(super) fn of(layer: &Layer) -> Self {
        Weights {
            knots: layer.bases.iter().map(|b| b.knots().to_vec()).collect(),
            coefficients: layer.coefficients.clone(),
            base_scale: unless_zero(&layer.base_scale),
            sum_shift: unless_zero(&layer.sum_shift),
            output_shift: unless_zero(&layer.output_shift),
        }
    }
}

/// Refuses to store what no file can hold.
pub(super) fn finite(net: &Kan) -> Result<()> {
    for (l, layer) in net.layers.iter().enumerate() {
        for (name, values) in [
            ("coefficients", &layer.coefficients),
            ("base_scale", &layer.base_scale),
            ("sum_shift", &layer.sum_shift),
            ("output_shift", &layer.output_shift),
        ] {
            if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
                return Err(inside(l, Error::invalid(name, bad, "finite values")));
            }
        }
    }
    Ok(())
}

/// A network is an object with `format`, `version` and `layers` in JSON; numbers keep all their bits.
impl Serialize for Kan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        finite(self).map_err(ser::Error::custom)?;
        RawKan::of(self, true).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Kan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawKan::deserialize(deserializer)?;
        raw.build().map_err(de::Error::custom)
    }
}
