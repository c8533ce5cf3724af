//! One layer as a C function.

use super::{Writer, few, formula};
use crate::error::{Error, Result};
use crate::kan::{Base, Edge, Family, Layer, Outside, Precision};

/// The function of layer `l`.
pub(super) fn function(writer: &mut Writer<'_>, l: usize, layer: &Layer) -> Result<String> {
    let (p, r) = (writer.prefix, writer.real());
    let sums = layer.sums;
    let mut out = format!(
        "static void {p}_layer_{}(const {r} *x, {r} *y)\n{{\n",
        l + 1
    );
    let trained = layer.edges.contains(&Edge::Trained);
    let parts = if trained {
        trained_edges(writer, layer)?
    } else {
        [String::new(), String::new()]
    };
    out.push_str(&parts[0]);
    out.push_str(&format!(
        "    {r} sums[] = {{{}}};\n",
        writer.list("sum_shift", layer.sum_shift.iter().copied())?
    ));
    out.push_str(&parts[1]);
    for (edge, kind) in layer.edges.iter().enumerate() {
        let Edge::Fixed(symbolic) = kind else {
            continue;
        };
        let (input, sum) = (edge / sums, edge % sums);
        let names = ["inner_scale", "inner_shift", "scale", "shift"];
        let mut c = Vec::with_capacity(4);
        for (name, v) in names.into_iter().zip(symbolic.constants()) {
            c.push(writer.number(name, v)?);
        }
        let [a, b, scale, shift] = &c[..] else {
            continue;
        };
        let f = formula::expression(writer, symbolic.expr())?;
        if mentions_argument(&f) {
            out.push_str(&format!(
                "    {{\n        const {r} u = {a} * x[{input}] + {b};\n        sums[{sum}] += {scale} * {f} + {shift};\n    }}\n"
            ));
        } else {
            out.push_str(&format!("    sums[{sum}] += {scale} * {f} + {shift};\n"));
        }
    }
    if !out.contains("x[") {
        out.push_str("    (void)x;\n");
    }
    out.push_str(&nodes(writer, layer)?);
    out.push_str("}\n\n");
    Ok(out)
}

/// Whether `u` stands in the text as a name of its own.
fn mentions_argument(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .any(|word| word == "u")
}

/// Outputs from sums.
fn nodes(writer: &Writer<'_>, layer: &Layer) -> Result<String> {
    let plain = layer.plain_sums();
    let mut out = String::new();
    if plain > 0 {
        out.push_str(&format!(
            "    for (int o = 0; o < {plain}; o++) {{\n        y[o] = sums[o];\n    }}\n"
        ));
    }
    let mut from = plain;
    for (i, factors) in layer.products.iter().enumerate() {
        let text: Vec<String> = (from..from + factors)
            .map(|s| format!("sums[{s}]"))
            .collect();
        out.push_str(&format!("    y[{}] = {};\n", plain + i, text.join(" * ")));
        from += factors;
    }
    for (o, shift) in layer.output_shift.iter().enumerate() {
        if *shift != 0.0 {
            out.push_str(&format!(
                "    y[{o}] += {};\n",
                writer.number("output_shift", *shift)?
            ));
        }
    }
    Ok(out)
}

/// Tables and variables of the trained edges, and the loop over them.
fn trained_edges(writer: &mut Writer<'_>, layer: &Layer) -> Result<[String; 2]> {
    let r = writer.real();
    let (p, sums) = (writer.prefix, layer.sums);
    let (n, k) = (layer.functions(), layer.basis(0).order());
    let mut tables = String::new();
    let mut table = |name: &str, kind: &str, text: String| {
        tables.push_str(&format!(
            "    static const {kind} {name}[] = {{\n        {text}\n    }};\n"
        ));
    };
    let mut knots = Vec::new();
    for basis in &layer.bases {
        for w in basis.knots().windows(2) {
            if writer.precision == Precision::F32 && w[0] < w[1] && w[0] as f32 == w[1] as f32 {
                return Err(Error::invalid(
                    "knots",
                    format!("{} and {}", w[0], w[1]),
                    "knots that 32 bits tell apart",
                ));
            }
        }
        knots.extend_from_slice(basis.knots());
    }
    let per_basis = layer.basis(0).knots().len();
    table("knots", r, writer.list("knots", knots)?);
    table(
        "coefficients",
        r,
        writer.list("coefficients", layer.coefficients.iter().copied())?,
    );
    let base = match layer.base {
        Base::None => None,
        Base::Identity => Some("x[i]".to_owned()),
        Base::Silu => {
            writer.uses_silu = true;
            Some(format!("{p}_silu(x[i])"))
        }
    };
    if base.is_some() {
        table(
            "base_scale",
            r,
            writer.list("base_scale", layer.base_scale.iter().copied())?,
        );
    }
    let all = layer.edges.iter().all(|e| *e == Edge::Trained);
    if !all {
        let flags: Vec<&str> = layer
            .edges
            .iter()
            .map(|e| if *e == Edge::Trained { "1" } else { "0" })
            .collect();
        table("trained", "unsigned char", flags.join(","));
    }

    let knots_of = if layer.bases.len() == 1 {
        "knots".to_owned()
    } else {
        format!("knots + i * {per_basis}")
    };
    let mut code = format!(
        "    for (int i = 0; i < {}; i++) {{\n        const {r} *const t = {knots_of};\n",
        layer.inputs
    );
    let family = layer.basis(0).family();
    let local = if family == Family::BSpline {
        writer.width = writer.width.max(k + 1);
        match layer.outside {
            Outside::Linear => writer.linear_spline = true,
            Outside::Natural => writer.natural_spline = true,
        }
        let rule = rule_name(layer.outside);
        code.push_str(&format!(
            "        {r} v[{}];\n        const int first = {p}_{rule}(t, {n}, {k}, x[i], v);\n",
            k + 1
        ));
        k + 1
    } else {
        few("functions of an input", n)?;
        code.push_str(&dense(writer, layer, family));
        n
    };
    let first = if family == Family::BSpline {
        " + first"
    } else {
        ""
    };
    code.push_str(&format!(
        "        const {r} *const from = coefficients + (ptrdiff_t)i * {}{first};\n",
        sums * n
    ));
    if let Some(base) = &base {
        code.push_str(&format!("        const {r} base = {base};\n"));
    }
    let skip = if all {
        String::new()
    } else {
        format!(
            "            if (!trained[i * {sums} + o]) {{\n                continue;\n            }}\n"
        )
    };
    let with_base = match base {
        Some(_) => format!(" + base_scale[i * {sums} + o] * base"),
        None => String::new(),
    };
    code.push_str(&format!(
        "        for (int o = 0; o < {sums}; o++) {{\n            {r} value = 0;\n{skip}            for (int c = 0; c < {local}; c++) {{\n                value += from[o * {n} + c] * v[c];\n            }}\n            sums[o] += value{with_base};\n        }}\n    }}\n"
    ));
    Ok([tables, code])
}

/// The name of the function that evaluates B-splines under a rule.
fn rule_name(outside: Outside) -> &'static str {
    match outside {
        Outside::Linear => "spline",
        Outside::Natural => "fading_spline",
    }
}

/// The values `v` of a family that reaches over the whole grid.
fn dense(writer: &mut Writer<'_>, layer: &Layer, family: Family) -> String {
    let (p, r, n) = (writer.prefix, writer.real(), layer.functions());
    let (index, name) = match family {
        Family::Chebyshev | Family::BSpline => (0, "chebyshev"),
        Family::Fourier => (1, "fourier"),
        Family::Rbf => (2, "rbf"),
        Family::Rational => (3, "rational"),
    };
    if let Some(used) = writer.families.get_mut(index) {
        *used = true;
    }
    let mut out = format!(
        "        const {r} middle = (t[0] + t[1]) / 2, half = (t[1] - t[0]) / 2;\n        {r} v[{n}], d[{n}];\n"
    );
    match layer.outside {
        Outside::Natural => out.push_str(&format!(
            "        {p}_{name}({n}, (x[i] - middle) / half, v, d);\n"
        )),
        Outside::Linear => out.push_str(&format!(
            "        const {r} end = x[i] < t[0] ? t[0] : x[i] > t[1] ? t[1] : x[i];\n        {p}_{name}({n}, (end - middle) / half, v, d);\n        if (x[i] < t[0] || x[i] > t[1]) {{\n            for (int c = 0; c < {n}; c++) {{\n                v[c] += (x[i] - end) * d[c] / half;\n            }}\n        }}\n"
        )),
    }
    out
}
