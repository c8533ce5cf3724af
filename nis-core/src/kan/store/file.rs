//! Reading and writing whole files of networks and models.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::raw::{RawKan, finite};
use super::tensors::{self, File};
use crate::error::{Error, Result};
use crate::kan::{Column, FitReport, Kan, Model, Precision, Task};

const NET_KEY: &str = "nis_kan";
const MODEL_KEY: &str = "nis_kan_model";

/// A model as plain data.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    net: RawKan,
    task: Task,
    inputs: Vec<Column>,
    outputs: Vec<Column>,
    rows: usize,
    report: FitReport,
}

impl RawModel {
    fn of(model: &Model, weights: bool) -> Self {
        RawModel {
            net: RawKan::of(&model.net, weights),
            task: model.task.clone(),
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            rows: model.rows,
            report: model.report.clone(),
        }
    }

    fn build(self) -> Result<Model> {
        let net = self.net.build()?;
        Model::from_parts(
            net,
            self.inputs,
            self.outputs,
            self.task,
            self.report,
            self.rows,
        )
    }
}

/// A model is an object with `net`, `task`, `inputs`, `outputs`, `rows` and `report` in JSON.
impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        finite(&self.net).map_err(ser::Error::custom)?;
        RawModel::of(self, true).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawModel::deserialize(deserializer)?;
        raw.build().map_err(de::Error::custom)
    }
}

/// Reads JSON; errors name the path of what does not fit.
fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let syntax = |e: &serde_json::Error| {
        let message = e.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        let what = format!("file, line {}", e.line().max(1));
        Error::parse(what, e.column().max(1), &message[..end])
    };
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let inner = e.inner();
        if !inner.is_data() {
            return syntax(inner);
        }
        let path = e.path().to_string();
        let message = inner.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        let field = if path == "." { "file" } else { path.as_str() };
        Error::invalid(
            field,
            &message[..end],
            "what the format says (docs/kan-files.md)",
        )
    })?;
    reader.end().map_err(|e| syntax(&e))?;
    Ok(value)
}

fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

/// Whether bytes look like a safetensors file: the header's length in 8 bytes, of which the last is 0 in any real file
/// and never in JSON text, then the header.
fn is_safetensors(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, _, _, 0, b'{', ..])
}

/// The text of a file that is no safetensors file.
fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| {
        Error::invalid(
            "file",
            format!("a byte that is not UTF-8 at offset {}", e.valid_up_to()),
            "a model as JSON or safetensors",
        )
    })
}

impl Kan {
    /// The network as JSON text, with all bits of its numbers.
    ///
    /// ```
    /// use nis_core::kan::{Kan, Precision};
    /// let net = Kan::new(&[2, 3, 1], 5, 3, 7)?;
    /// assert_eq!(Kan::from_bytes(net.to_json()?.as_bytes())?, net);
    /// assert_eq!(Kan::from_bytes(&net.to_safetensors(Precision::F64)?)?, net);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a coefficient is not finite.
    pub fn to_json(&self) -> Result<String> {
        finite(self)?;
        write(&RawKan::of(self, true))
    }

    /// The network as a safetensors file, which PyTorch, JAX and numpy users can open: tensors
    /// `layers.N.coefficients` (`[input][sum][function]`), `.knots` (`[basis][knot]`), `.base_scale`
    /// (`[input][sum]`), `.sum_shift`, `.output_shift`; the rest is JSON under `nis_kan` in the header. With
    /// [`Precision::F32`] coefficients and base factors are rounded to 32 bits.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a coefficient is not finite, or beyond the range of `f32`.
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>> {
        let json = write(&RawKan::of(self, false))?;
        tensors::write(self, precision, NET_KEY, json)
    }

    /// Reads what [`Kan::to_json`] or [`Kan::to_safetensors`] wrote, whichever it is. The file may come from
    /// anywhere: reading takes at most 64 times its size plus 128 MiB of memory.
    ///
    /// # Errors
    /// [`Error::Parse`] for broken JSON; [`Error::InvalidInput`] naming the field that does not fit;
    /// [`Error::Limit`] for symbolic functions or sizes beyond what is read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if !is_safetensors(bytes) {
            return read::<RawKan>(text(bytes)?)?.build();
        }
        let file = File::open(bytes)?;
        let mut raw: RawKan = read(file.text(NET_KEY)?)?;
        file.fill(&mut raw)?;
        raw.build()
    }
}

impl Model {
    /// The model as JSON text, with all bits of its numbers.
    ///
    /// # Errors
    /// As [`Kan::to_json`].
    pub fn to_json(&self) -> Result<String> {
        finite(&self.net)?;
        write(&RawModel::of(self, true))
    }

    /// The model as a safetensors file: the tensors of [`Kan::to_safetensors`]; names, scaling, task and report
    /// are JSON under `nis_kan_model` in the header.
    ///
    /// # Errors
    /// As [`Kan::to_safetensors`].
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>> {
        let json = write(&RawModel::of(self, false))?;
        tensors::write(&self.net, precision, MODEL_KEY, json)
    }

    /// Reads what [`Model::to_json`] or [`Model::to_safetensors`] wrote, whichever it is, within the memory of
    /// [`Kan::from_bytes`].
    ///
    /// # Errors
    /// As [`Kan::from_bytes`]; [`Error::InvalidInput`] where columns do not fit the network.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if !is_safetensors(bytes) {
            return read::<RawModel>(text(bytes)?)?.build();
        }
        let file = File::open(bytes)?;
        let mut raw: RawModel = read(file.text(MODEL_KEY)?)?;
        file.fill(&mut raw.net)?;
        raw.build()
    }
}
