//! Networks as C99 source without dependencies.

mod formula;
mod helpers;
mod layer;

use super::exported::Exported;
use crate::error::{Error, Result};
use crate::kan::{Kan, Model, Precision};

/// Most nodes of a layer, and most functions per input, in generated C: they lie on the stack.
const MOST_ON_STACK: usize = 1 << 14;

/// How C source is written.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct COptions {
    /// What the names of all functions and arrays begin with: a C identifier of at most 40 characters.
    pub prefix: String,
    /// `double` or `float`.
    pub precision: Precision,
}

impl Default for COptions {
    fn default() -> Self {
        COptions {
            prefix: "kan".into(),
            precision: Precision::F64,
        }
    }
}

/// C99 source and its header. The source needs no header but the standard's and does not include the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSource {
    /// The `.c` file.
    pub source: String,
    /// The `.h` file.
    pub header: String,
}

/// What is written, and what it turned out to need.
struct Writer<'a> {
    prefix: &'a str,
    precision: Precision,
    uses_power: bool,
    uses_sign: bool,
    uses_silu: bool,
    linear_spline: bool,
    natural_spline: bool,
    families: [bool; 4],
    /// Most values that a local basis of B-splines has.
    width: usize,
}

impl Writer<'_> {
    fn real(&self) -> &'static str {
        match self.precision {
            Precision::F64 => "double",
            Precision::F32 => "float",
        }
    }

    fn suffix(&self) -> &'static str {
        match self.precision {
            Precision::F64 => "",
            Precision::F32 => "f",
        }
    }

    /// A constant with all its digits; negative ones in parentheses.
    fn number(&self, field: &str, v: f64) -> Result<String> {
        let text = match self.precision {
            Precision::F64 if v.is_finite() => format!("{v:?}"),
            Precision::F32 if (v as f32).is_finite() => format!("{:?}f", v as f32),
            _ => {
                return Err(Error::invalid(
                    field,
                    v,
                    format!("a value within the range of {}", self.real()),
                ));
            }
        };
        Ok(if v.is_sign_negative() {
            format!("({text})")
        } else {
            text
        })
    }

    /// A list of constants, a few per line.
    fn list(&self, field: &str, values: impl IntoIterator<Item = f64>) -> Result<String> {
        let mut out = String::new();
        for (i, v) in values.into_iter().enumerate() {
            if i > 0 {
                out.push_str(if i % 8 == 0 { ",\n        " } else { ", " });
            }
            out.push_str(&self.number(field, v)?);
        }
        Ok(out)
    }

    fn filled(&self, template: &str) -> String {
        let pi = match self.precision {
            Precision::F64 => format!("{:?}", std::f64::consts::PI),
            Precision::F32 => format!("{:?}f", std::f32::consts::PI),
        };
        template
            .replace("@PI", &pi)
            .replace("@P", self.prefix)
            .replace("@R", self.real())
            .replace("@f", self.suffix())
            .replace("@W", &self.width.max(1).to_string())
    }

    /// The shared functions that the layers call.
    fn helpers(&self) -> String {
        let spline = self.linear_spline || self.natural_spline;
        let [chebyshev, fourier, rbf, rational] = self.families;
        let mut out = String::new();
        for (wanted, template) in [
            (spline, helpers::SPAN),
            (self.linear_spline, helpers::LINEAR_SPLINE),
            (self.natural_spline, helpers::NATURAL_SPLINE),
            (chebyshev || rational, helpers::CHEBYSHEV),
            (fourier, helpers::FOURIER),
            (rbf, helpers::RBF),
            (rational, helpers::RATIONAL),
            (self.uses_silu, helpers::SILU),
            (self.uses_power, helpers::POWER),
            (self.uses_sign, helpers::SIGN),
        ] {
            if wanted {
                out.push_str(&self.filled(template));
                out.push('\n');
            }
        }
        out
    }
}

/// A string literal in ASCII, without trigraphs.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' => {
                out.push('\\');
                out.push(byte as char);
            }
            b' '..=b'~' => out.push(byte as char),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out.push('"');
    out
}

fn check_prefix(prefix: &str) -> Result<()> {
    let mut chars = prefix.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && prefix.len() <= 40 && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(Error::invalid(
        "prefix",
        prefix,
        "a C identifier of at most 40 characters",
    ))
}

fn few(what: &str, got: usize) -> Result<()> {
    if got <= MOST_ON_STACK {
        return Ok(());
    }
    Err(Error::Limit {
        what: format!("{what} in generated C"),
        limit: MOST_ON_STACK as u64,
        got: got as u64,
    })
}

/// How a value is scaled before the network and after.
fn scaling(writer: &Writer<'_>, e: &Exported<'_>) -> Result<(String, String, String)> {
    let mut tables = String::new();
    for (what, columns) in [("in", &e.inputs), ("out", &e.outputs)] {
        if writer.precision == Precision::F32
            && let Some(bad) = columns.iter().find(|c| c.scale as f32 == 0.0)
        {
            return Err(Error::invalid(
                format!("scale of {}", bad.name),
                bad.scale,
                "a value within the range of float",
            ));
        }
        let named = |part: &str| format!("{part} of the columns");
        for (part, values) in [
            (
                "shift",
                columns.iter().map(|c| c.shift).collect::<Vec<f64>>(),
            ),
            ("scale", columns.iter().map(|c| c.scale).collect()),
        ] {
            tables.push_str(&format!(
                "    static const {} {what}_{part}[] = {{{}}};\n",
                writer.real(),
                writer.list(&named(part), values)?
            ));
        }
    }
    // A difference that overflows is taken after the division.
    let far = |c: &crate::kan::Column| c.shift.abs().max(c.scale) > 1e300;
    let inward = if e.inputs.iter().any(far) {
        "x[i] / in_scale[i] - in_shift[i] / in_scale[i]"
    } else {
        "(x[i] - in_shift[i]) / in_scale[i]"
    };
    Ok((
        tables,
        inward.to_owned(),
        "out_scale[i] + out_shift[i]".to_owned(),
    ))
}

fn source(e: &Exported<'_>, options: &COptions) -> Result<CSource> {
    check_prefix(&options.prefix)?;
    super::raw::finite(e.net)?;
    let widest = e.net.widths.iter().copied().max().unwrap_or(1);
    let sums = e.net.layers.iter().map(|l| l.sums).max().unwrap_or(1);
    few("nodes of a layer", widest.max(sums))?;
    let mut writer = Writer {
        prefix: &options.prefix,
        precision: options.precision,
        uses_power: false,
        uses_sign: false,
        uses_silu: false,
        linear_spline: false,
        natural_spline: false,
        families: [false; 4],
        width: 0,
    };
    let mut layers = String::new();
    for (l, layer) in e.net.layers.iter().enumerate() {
        layers.push_str(
            &layer::function(&mut writer, l, layer).map_err(|e| super::raw::inside(l, e))?,
        );
    }
    let (p, r) = (options.prefix.as_str(), writer.real());
    let (tables, inward, outward) = scaling(&writer, e)?;
    let names = |what: &str, columns: &[crate::kan::Column]| {
        let texts: Vec<String> = columns.iter().map(|c| literal(&c.name)).collect();
        format!(
            "const char *const {p}_{what}_names[{}] = {{\n    {}\n}};\n",
            columns.len(),
            texts.join(",\n    ")
        )
    };
    let (inputs, outputs) = (e.inputs.len(), e.outputs.len());
    let about = about(e, p, r);
    let mut text = format!(
        "/*\n * A Kolmogorov-Arnold network, written by NIS {}.\n *\n{about} */\n#include <math.h>\n#include <stddef.h>\n\n",
        env!("CARGO_PKG_VERSION")
    );
    let prototypes = format!(
        "extern const char *const {p}_input_names[{inputs}];\nextern const char *const {p}_output_names[{outputs}];\nvoid {p}_predict(const {r} *x, size_t rows, {r} *y);\n"
    );
    text.push_str(&prototypes);
    text.push('\n');
    text.push_str(&names("input", &e.inputs));
    text.push_str(&names("output", &e.outputs));
    text.push('\n');
    text.push_str(&writer.helpers());
    text.push_str(&layers);
    text.push_str(&format!(
        "void {p}_predict(const {r} *x, size_t rows, {r} *y)\n{{\n{tables}    {r} a[{widest}], b[{widest}];\n    size_t row;\n    int i;\n    for (row = 0; row < rows; row++, x += {inputs}, y += {outputs}) {{\n        for (i = 0; i < {inputs}; i++) {{\n            a[i] = {inward};\n        }}\n"
    ));
    let mut names = ["a", "b"];
    for l in 0..e.net.layers.len() {
        text.push_str(&format!(
            "        {p}_layer_{}({}, {});\n",
            l + 1,
            names[0],
            names[1]
        ));
        names.swap(0, 1);
    }
    let from = names[0];
    text.push_str(&format!(
        "        for (i = 0; i < {outputs}; i++) {{\n            y[i] = {from}[i] * {outward};\n        }}\n"
    ));
    if e.softmax {
        text.push_str(&format!(
            "        {{\n            {r} top = y[0], sum = 0;\n            for (i = 1; i < {outputs}; i++) {{\n                top = y[i] > top ? y[i] : top;\n            }}\n            for (i = 0; i < {outputs}; i++) {{\n                y[i] = exp{f}(y[i] - top);\n                sum += y[i];\n            }}\n            for (i = 0; i < {outputs}; i++) {{\n                y[i] /= sum;\n            }}\n        }}\n",
            f = writer.suffix()
        ));
    }
    text.push_str("    }\n}\n");
    let guard = format!("{}_H", p.to_uppercase());
    let upper = p.to_uppercase();
    let header = format!(
        "/*\n * A Kolmogorov-Arnold network, written by NIS {}.\n *\n{about} */\n#ifndef {guard}\n#define {guard}\n\n#include <stddef.h>\n\n#define {upper}_INPUTS {inputs}\n#define {upper}_OUTPUTS {outputs}\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n{prototypes}\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n",
        env!("CARGO_PKG_VERSION")
    );
    Ok(CSource {
        source: text,
        header,
    })
}

/// The comment at the top.
fn about(e: &Exported<'_>, p: &str, r: &str) -> String {
    let what = if e.softmax {
        "the probabilities of the classes"
    } else {
        "the outputs"
    };
    format!(
        " * {p}_predict(x, rows, y) reads {} values of {r} per row and writes {what}, {} per row.\n * {p}_input_names and {p}_output_names tell their order. Layers: {}. Reentrant; allocates nothing.\n",
        e.inputs.len(),
        e.outputs.len(),
        e.net
            .widths
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" -> ")
    )
}

impl Kan {
    /// The network as standalone C99: a function `PREFIX_predict(x, rows, y)` over rows, the names of the columns,
    /// and nothing but `<math.h>` and `<stddef.h>`. Compiles with `gcc -std=c99 -Wall -Wextra -Werror`.
    ///
    /// ```
    /// use nis_core::kan::{Kan, store::COptions};
    /// let c = Kan::new(&[2, 1], 5, 3, 0)?.to_c(&COptions::default())?;
    /// assert!(c.source.contains("void kan_predict(const double *x, size_t rows, double *y)"));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prefix that is no identifier, values that are not finite, or, with
    /// [`Precision::F32`], values or knots that 32 bits cannot hold apart; [`Error::Limit`] for a layer of more than
    /// 16384 nodes or functions, which lie on the stack.
    pub fn to_c(&self, options: &COptions) -> Result<CSource> {
        source(&Exported::net(self), options)
    }
}

impl Model {
    /// The model as standalone C99 from the units of the data to those of the outputs; for a classification to the
    /// probabilities of the classes. See [`Kan::to_c`].
    ///
    /// # Errors
    /// As [`Kan::to_c`].
    pub fn to_c(&self, options: &COptions) -> Result<CSource> {
        source(&Exported::model(self), options)
    }
}

#[cfg(test)]
mod tests;
