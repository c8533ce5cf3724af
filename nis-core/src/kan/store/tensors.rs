//! Networks in safetensors files: the arrays as tensors, all else as JSON in the header.
//!
//! The crate `safetensors` checks the container: offsets that lie in the file, follow one another without gaps and
//! fit shape and type.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::raw::{RawKan, RawLayer, Weights, inside};
use crate::error::{Error, Result};
use crate::kan::{Kan, Precision};

/// Longest JSON header that is read, in bytes.
const MOST_HEADER: u64 = 32 << 20;

struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn of(name: String, shape: Vec<usize>, values: &[f64], precision: Precision) -> Result<Self> {
        let (dtype, bytes) = match precision {
            Precision::F64 => (
                Dtype::F64,
                values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ),
            Precision::F32 => {
                if let Some(bad) = values.iter().find(|v| !(**v as f32).is_finite()) {
                    return Err(Error::invalid(name, bad, "values within the range of f32"));
                }
                let bytes = values.iter().flat_map(|v| (*v as f32).to_le_bytes());
                (Dtype::F32, bytes.collect())
            }
        };
        Ok(Tensor {
            name,
            dtype,
            shape,
            bytes,
        })
    }
}

/// The file of a network; `key` and `json` go into the header. With [`Precision::F32`] coefficients and factors of
/// the base function are rounded to 32 bits; knots and shifts, which are few, keep 64.
pub(super) fn write(net: &Kan, precision: Precision, key: &str, json: String) -> Result<Vec<u8>> {
    super::raw::finite(net)?;
    let mut tensors = Vec::new();
    for (l, layer) in net.layers.iter().enumerate() {
        let weights = Weights::of(layer);
        let (inputs, sums, functions) = (layer.inputs, layer.sums, layer.functions());
        let name = |what: &str| format!("layers.{l}.{what}");
        let knots = weights.knots.concat();
        let count = weights.knots.len();
        tensors.push(Tensor::of(
            name("knots"),
            vec![count, knots.len() / count.max(1)],
            &knots,
            Precision::F64,
        )?);
        tensors.push(Tensor::of(
            name("coefficients"),
            vec![inputs, sums, functions],
            &weights.coefficients,
            precision,
        )?);
        for (what, values, shape, precision) in [
            (
                "base_scale",
                &weights.base_scale,
                vec![inputs, sums],
                precision,
            ),
            ("sum_shift", &weights.sum_shift, vec![sums], Precision::F64),
            (
                "output_shift",
                &weights.output_shift,
                vec![layer.outputs()],
                Precision::F64,
            ),
        ] {
            if !values.is_empty() {
                tensors.push(Tensor::of(name(what), shape, values, precision)?);
            }
        }
    }
    let views = tensors
        .iter()
        .map(|t| {
            let view = TensorView::new(t.dtype, t.shape.clone(), &t.bytes);
            view.map(|view| (t.name.as_str(), view)).map_err(broken)
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([(key.to_owned(), json)]);
    safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(broken)
}

/// What the library says that cannot be: the tensors come from a network.
fn broken(error: safetensors::SafeTensorError) -> Error {
    Error::Internal {
        message: format!("safetensors: {error}"),
    }
}

/// A safetensors file, opened.
pub(super) struct File<'a> {
    tensors: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl<'a> File<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self> {
        let bad = |error: safetensors::SafeTensorError| {
            Error::invalid("file", error, "a whole safetensors file")
        };
        if let Some(length) = header_length(bytes)
            && length > MOST_HEADER
        {
            return Err(Error::Limit {
                what: "bytes of the header".into(),
                limit: MOST_HEADER,
                got: length,
            });
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(bad)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        Ok(File {
            tensors,
            metadata: metadata.into_iter().collect(),
        })
    }

    /// A text of the header.
    pub(super) fn text(&self, key: &str) -> Result<&str> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| {
            Error::invalid(
                "__metadata__",
                format!("no {key}"),
                format!("the key {key}, which NIS writes"),
            )
        })
    }

    /// Puts the tensors where they belong.
    pub(super) fn fill(&self, net: &mut RawKan) -> Result<()> {
        let mut used = 0;
        for (l, layer) in net.layers.iter_mut().enumerate() {
            let weights = self
                .weights(l, layer, &mut used)
                .map_err(|e| inside(l, e))?;
            layer.weights = Some(weights);
        }
        if used != self.tensors.len() {
            return Err(Error::invalid(
                "tensors",
                format!("{} tensors", self.tensors.len()),
                format!("the {used} of the layers"),
            ));
        }
        Ok(())
    }

    fn weights(&self, l: usize, layer: &RawLayer, used: &mut usize) -> Result<Weights> {
        let mut get = |what: &str, shape: &[Option<usize>]| -> Result<Option<Vec<f64>>> {
            let Ok(view) = self.tensors.tensor(&format!("layers.{l}.{what}")) else {
                return Ok(None);
            };
            *used += 1;
            let fits = view.shape().len() == shape.len()
                && view
                    .shape()
                    .iter()
                    .zip(shape)
                    .all(|(a, b)| b.is_none_or(|b| *a == b));
            if !fits {
                return Err(Error::invalid(
                    what,
                    format!("shape {:?}", view.shape()),
                    format!("{} dimensions of the layer's sizes", shape.len()),
                ));
            }
            numbers(what, &view).map(Some)
        };
        let needed = |what: &str, values: Option<Vec<f64>>| {
            values.ok_or_else(|| Error::invalid(what, "no such tensor", "one for every layer"))
        };
        let knots = needed("knots", get("knots", &[Some(layer.uniform.len()), None])?)?;
        let per_basis = knots.len() / layer.uniform.len().max(1);
        let coefficients = get(
            "coefficients",
            &[Some(layer.inputs), Some(layer.sums), Some(layer.functions)],
        )?;
        let base_scale = get("base_scale", &[Some(layer.inputs), Some(layer.sums)])?;
        let sum_shift = get("sum_shift", &[Some(layer.sums)])?;
        let output_shift = get("output_shift", &[None])?;
        Ok(Weights {
            knots: match per_basis {
                0 => Vec::new(),
                n => knots.chunks(n).map(<[f64]>::to_vec).collect(),
            },
            coefficients: needed("coefficients", coefficients)?,
            base_scale: base_scale.unwrap_or_default(),
            sum_shift: sum_shift.unwrap_or_default(),
            output_shift: output_shift.unwrap_or_default(),
        })
    }
}

/// What the first 8 bytes say about the length of the header.
fn header_length(bytes: &[u8]) -> Option<u64> {
    let first = bytes.get(..8)?.try_into().ok()?;
    Some(u64::from_le_bytes(first))
}

fn numbers(what: &str, view: &TensorView<'_>) -> Result<Vec<f64>> {
    let data = view.data();
    match view.dtype() {
        Dtype::F64 => Ok(data
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect()),
        Dtype::F32 => Ok(data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f64::from(f32::from_le_bytes(*b)))
            .collect()),
        other => Err(Error::invalid(what, format!("{other:?}"), "F64 or F32")),
    }
}
