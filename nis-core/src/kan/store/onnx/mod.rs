//! Networks as ONNX files.

mod formula;
mod graph;
mod layer;
mod wire;

use self::graph::{Attribute, Graph, Value};
use super::exported::Exported;
use crate::error::{Error, Result};
use crate::kan::{Kan, Model, Precision};

/// Most functions of a Chebyshev or rational basis: each takes three operators.
const MOST_TERMS: usize = 1000;

fn file(e: &Exported<'_>, precision: Precision) -> Result<Vec<u8>> {
    super::raw::finite(e.net)?;
    let mut graph = Graph::new(precision);
    let input = Value("x".into());
    let columns = |columns: &[crate::kan::Column]| -> (Vec<f64>, Vec<f64>) {
        columns.iter().map(|c| (c.shift, c.scale)).unzip()
    };
    let (shift, scale) = columns(&e.inputs);
    let mut at = input.clone();
    if shift.iter().any(|v| *v != 0.0) || scale.iter().any(|v| *v != 1.0) {
        positive(&scale, precision)?;
        let (shift, scale) = (
            graph.constant("shift of an input", &[1, shift.len()], &shift)?,
            graph.constant("scale of an input", &[1, scale.len()], &scale)?,
        );
        let difference = graph.node("Sub", &[&at, &shift]);
        at = graph.node("Div", &[&difference, &scale]);
    }
    for (l, layer) in e.net.layers.iter().enumerate() {
        at = layer::nodes(&mut graph, layer, &at).map_err(|e| super::raw::inside(l, e))?;
    }
    let (shift, scale) = columns(&e.outputs);
    if shift.iter().any(|v| *v != 0.0) || scale.iter().any(|v| *v != 1.0) {
        let (shift, scale) = (
            graph.constant("shift of an output", &[1, shift.len()], &shift)?,
            graph.constant("scale of an output", &[1, scale.len()], &scale)?,
        );
        let scaled = graph.node("Mul", &[&at, &scale]);
        at = graph.node("Add", &[&scaled, &shift]);
    }
    let name = if e.softmax {
        at = graph.node_with("Softmax", &[&at], &[Attribute::Integer("axis", 1)]);
        "probabilities"
    } else {
        "y"
    };
    let names = |columns: &[crate::kan::Column]| {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        serde_json::to_string(&names).map_err(|e| Error::Internal {
            message: format!("writing JSON: {e}"),
        })
    };
    let metadata = [
        ("input_names", names(&e.inputs)?),
        ("output_names", names(&e.outputs)?),
    ];
    Ok(graph.finish(
        (&input, e.inputs.len()),
        &at,
        (name, e.outputs.len()),
        &metadata,
    ))
}

/// Scales that stay positive in the precision.
fn positive(scale: &[f64], precision: Precision) -> Result<()> {
    match scale.iter().find(|v| **v as f32 == 0.0) {
        Some(bad) if precision == Precision::F32 => Err(Error::invalid(
            "scale of an input",
            bad,
            "a value within the range of float",
        )),
        _ => Ok(()),
    }
}

impl Kan {
    /// The network as an ONNX file (operator set 17): `x` (`[rows][inputs]`) to `y` (`[rows][outputs]`) in the given
    /// precision. onnxruntime runs it.
    ///
    /// ```
    /// use nis_core::kan::{Kan, Precision};
    /// let file = Kan::new(&[2, 1], 5, 3, 0)?.to_onnx(Precision::F32)?;
    /// assert_eq!(file[..2], [8, 8]); // IR version 8
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a value is not finite, or with [`Precision::F32`] beyond the range of float or
    /// knots fall together; [`Error::Limit`] for a Chebyshev or rational basis of more than 1000 functions.
    pub fn to_onnx(&self, precision: Precision) -> Result<Vec<u8>> {
        file(&Exported::net(self), precision)
    }
}

impl Model {
    /// The model as an ONNX file from the units of the data to `y` in those of the outputs, for a classification to
    /// `probabilities`. The names of the columns are JSON lists in its metadata, `input_names` and `output_names`.
    /// See [`Kan::to_onnx`].
    ///
    /// # Errors
    /// As [`Kan::to_onnx`].
    pub fn to_onnx(&self, precision: Precision) -> Result<Vec<u8>> {
        file(&Exported::model(self), precision)
    }
}
