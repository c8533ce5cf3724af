//! One call for all formats, as the faces need it.

use serde::{Deserialize, Serialize};

use super::COptions;
use crate::error::{Error, Result};
use crate::kan::{Kan, Model, Precision};

/// What a network or model can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A safetensors file (default): can be read back.
    #[default]
    Safetensors,
    /// JSON text: can be read back.
    Json,
    /// C99 source.
    C,
    /// The header of the C99 source.
    H,
    /// An ONNX file.
    Onnx,
}

impl Format {
    /// The format that the end of a file's name stands for: `.json`, `.safetensors`, `.c`, `.h` or `.onnx`.
    ///
    /// ```
    /// use nis_core::kan::store::Format;
    /// assert_eq!(Format::of_path("model.onnx")?, Format::Onnx);
    /// assert!(Format::of_path("model").is_err());
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for another end.
    pub fn of_path(path: &str) -> Result<Self> {
        match path.rsplit_once('.').map(|(_, end)| end) {
            Some("json") => Ok(Format::Json),
            Some("safetensors") => Ok(Format::Safetensors),
            Some("c") => Ok(Format::C),
            Some("h") => Ok(Format::H),
            Some("onnx") => Ok(Format::Onnx),
            _ => Err(Error::invalid(
                "path",
                path,
                "a name that ends in .json, .safetensors, .c, .h or .onnx",
            )),
        }
    }
}

/// How a network or model is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SaveOptions {
    /// As what.
    pub format: Format,
    /// 64 or 32 bits, for all formats but JSON, which keeps 64.
    pub precision: Precision,
    /// What names in C begin with.
    pub prefix: String,
}

impl Default for SaveOptions {
    fn default() -> Self {
        SaveOptions {
            format: Format::default(),
            precision: Precision::default(),
            prefix: COptions::default().prefix,
        }
    }
}

impl SaveOptions {
    /// The defaults for a format.
    pub fn of(format: Format) -> Self {
        SaveOptions {
            format,
            ..SaveOptions::default()
        }
    }

    fn c(&self) -> COptions {
        COptions {
            prefix: self.prefix.clone(),
            precision: self.precision,
        }
    }
}

impl Kan {
    /// The network as the bytes of a file.
    ///
    /// # Errors
    /// Those of [`Kan::to_json`], [`Kan::to_safetensors`], [`Kan::to_c`] and [`Kan::to_onnx`].
    pub fn saved(&self, options: &SaveOptions) -> Result<Vec<u8>> {
        Ok(match options.format {
            Format::Json => self.to_json()?.into_bytes(),
            Format::Safetensors => self.to_safetensors(options.precision)?,
            Format::C => self.to_c(&options.c())?.source.into_bytes(),
            Format::H => self.to_c(&options.c())?.header.into_bytes(),
            Format::Onnx => self.to_onnx(options.precision)?,
        })
    }
}

impl Model {
    /// The model as the bytes of a file.
    ///
    /// # Errors
    /// As [`Kan::saved`].
    pub fn saved(&self, options: &SaveOptions) -> Result<Vec<u8>> {
        Ok(match options.format {
            Format::Json => self.to_json()?.into_bytes(),
            Format::Safetensors => self.to_safetensors(options.precision)?,
            Format::C => self.to_c(&options.c())?.source.into_bytes(),
            Format::H => self.to_c(&options.c())?.header.into_bytes(),
            Format::Onnx => self.to_onnx(options.precision)?,
        })
    }
}
