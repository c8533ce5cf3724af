//! Generated C, compiled without warnings and compared with the network.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::kan::store::zoo;
use crate::kan::{ModelOptions, Names, Task};
use crate::telemetry::Progress;

/// Compiles the source with a program that reads rows from stdin and prints what comes out.
fn compiled(c: &CSource, precision: Precision, inputs: usize, outputs: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let real = match precision {
        Precision::F64 => "double",
        Precision::F32 => "float",
    };
    let main = format!(
        "#include \"kan.h\"\n#include <stdio.h>\nint main(void) {{\n    double v;\n    {real} x[KAN_INPUTS * 200], y[KAN_OUTPUTS * 200];\n    size_t n = 0, i;\n    while (scanf(\"%lf\", &v) == 1) x[n++] = ({real})v;\n    kan_predict(x, n / {inputs}, y);\n    for (i = 0; i < n / {inputs} * {outputs}; i++) printf(\"%.17g\\n\", (double)y[i]);\n    return 0;\n}}\n"
    );
    for (name, text) in [
        ("kan.c", &c.source),
        ("kan.h", &c.header),
        ("main.c", &main),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let run = Command::new("gcc")
        .current_dir(dir.path())
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-O1",
        ])
        .args(["kan.c", "main.c", "-lm", "-o", "kan"])
        .output()
        .expect("gcc is there");
    assert!(
        run.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&run.stderr),
        c.source
    );
    dir
}

fn run(c: &CSource, precision: Precision, inputs: usize, outputs: usize, x: &[f64]) -> Vec<f64> {
    let dir = compiled(c, precision, inputs, outputs);
    let mut child = Command::new(dir.path().join("kan"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = x.iter().map(|v| format!("{v:e}\n")).collect();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|l| l.parse().unwrap())
        .collect()
}

fn close(name: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{name}");
    // What scaling and sums round is in proportion to the largest value.
    let size = want.iter().fold(1.0, |a: f64, v| a.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * size,
            "{name}, value {i}: {g} {w}"
        );
    }
}

#[test]
fn every_kind_of_network_gives_the_same_in_double() {
    for (name, net) in zoo::networks() {
        let x = zoo::points(net.inputs());
        let c = net.to_c(&COptions::default()).unwrap();
        let got = run(&c, Precision::F64, net.inputs(), net.outputs(), &x);
        close(&name, &got, &net.predict(&x).unwrap(), 1e-12);
    }
}

#[test]
fn every_kind_of_network_gives_the_same_to_rounding_in_float() {
    let options = COptions {
        precision: Precision::F32,
        ..COptions::default()
    };
    for (name, net) in zoo::networks() {
        // Inputs that float holds, so that only the arithmetic rounds; `sign` jumps at one point only.
        let x: Vec<f64> = zoo::points(net.inputs())
            .iter()
            .map(|v| f64::from(*v as f32))
            .collect();
        let c = net.to_c(&options).unwrap();
        let got = run(&c, Precision::F32, net.inputs(), net.outputs(), &x);
        // Chebyshev polynomials and natural edges of high order magnify the rounding outside the grid.
        close(&name, &got, &net.predict(&x).unwrap(), 2e-4);
    }
}

#[test]
fn a_model_goes_from_units_to_units() {
    let x: Vec<f64> = (0..120)
        .flat_map(|i| [f64::from(i % 12) * 1e4, 3.0 + f64::from(i / 12) * 1e-3])
        .collect();
    let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[1] + 7.0).collect();
    let names = Names::of(&["width \"w\" ??/", "höhe*/\\"], &["area"]);
    let fit = |y: &[f64], options: &ModelOptions| {
        crate::kan::Model::fit(&x, y, &names, options, &Progress::none()).unwrap()
    };
    let model = fit(&y, &ModelOptions::default());
    let c = model.to_c(&COptions::default()).unwrap();
    assert!(c.source.is_ascii());
    let got = run(&c, Precision::F64, 2, 1, &x);
    close("model", &got, &model.predict(&x).unwrap(), 1e-12);

    let y: Vec<f64> = x
        .chunks(2)
        .map(|x| if x[0] > 6e4 { 1.0 } else { 0.0 })
        .collect();
    let options = ModelOptions {
        task: Task::Classification {
            classes: vec!["near".into(), "far".into()],
        },
        ..ModelOptions::default()
    };
    let model = fit(&y, &options);
    let c = model.to_c(&COptions::default()).unwrap();
    let got = run(&c, Precision::F64, 2, 2, &x);
    close("classes", &got, &model.predict_proba(&x).unwrap(), 1e-12);
}

#[test]
fn what_c_cannot_hold_is_refused() {
    let net = Kan::new(&[1, 1], 5, 3, 0).unwrap();
    for prefix in ["", "2x", "a b", "a;b", &"x".repeat(41)] {
        let options = COptions {
            prefix: prefix.into(),
            ..COptions::default()
        };
        assert_eq!(net.to_c(&options).unwrap_err().field(), Some("prefix"));
    }
    let mut far = net.clone();
    far.layers[0].coefficients[0] = 1e300;
    let float = COptions {
        precision: Precision::F32,
        ..COptions::default()
    };
    let e = far.to_c(&float).unwrap_err();
    assert_eq!(e.field(), Some("layers.0.coefficients"), "{e}");
    assert!(far.to_c(&COptions::default()).is_ok());
    let basis = crate::kan::Basis::uniform(1.0, 1.0 + 1e-7, 5, 3).unwrap();
    let layer = crate::kan::Layer::new(
        1,
        1,
        basis,
        crate::kan::Base::None,
        crate::kan::Outside::Linear,
    );
    let fine = Kan::from_layers(vec![layer.unwrap()]).unwrap();
    assert_eq!(
        fine.to_c(&float).unwrap_err().field(),
        Some("layers.0.knots")
    );
    let wide = Kan::new(&[20_000, 1], 1, 1, 0).unwrap();
    assert!(matches!(
        wide.to_c(&COptions::default()),
        Err(Error::Limit { .. })
    ));
}
