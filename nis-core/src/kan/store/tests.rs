//! Files that come back as they went, and files that do not fit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::error::{Code, Error};
use crate::kan::{Kan, Model, ModelOptions, Names, Precision, Task};
use crate::optim::Random;
use crate::telemetry::Progress;

const ZOO: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/golden/kan_networks.json"
);

fn model(task: Task) -> Model {
    let x: Vec<f64> = (0..160).map(|i| f64::from(i * 7 % 40)).collect();
    let y: Vec<f64> = x
        .chunks(2)
        .map(|x| if x[0] > x[1] { 1.0 } else { 0.0 })
        .collect();
    let options = ModelOptions {
        task,
        ..ModelOptions::default()
    };
    let names = Names::of(&["long", "wide"], &["y"]);
    Model::fit(&x, &y, &names, &options, &Progress::none()).unwrap()
}

fn models() -> [Model; 2] {
    let classes = vec!["no".into(), "yes".into()];
    [
        model(Task::Regression),
        model(Task::Classification { classes }),
    ]
}

#[test]
fn networks_of_every_kind_keep_all_bits() {
    for (name, net) in zoo::networks() {
        let json = net.to_json().unwrap();
        assert_eq!(Kan::from_bytes(json.as_bytes()).unwrap(), net, "{name}");
        let by_serde: Kan = serde_json::from_str(&serde_json::to_string(&net).unwrap()).unwrap();
        assert_eq!(by_serde, net, "{name}");
        let bytes = net.to_safetensors(Precision::F64).unwrap();
        assert_eq!(Kan::from_bytes(&bytes).unwrap(), net, "{name}");
        let single = net.to_safetensors(Precision::F32).unwrap();
        assert!(single.len() <= bytes.len(), "{name}");
        let single = Kan::from_bytes(&single).unwrap();
        for (a, b) in single.parameter_values().iter().zip(net.parameter_values()) {
            assert_eq!(*a, f64::from(b as f32), "{name}");
        }
    }
}

#[test]
fn models_keep_all_bits() {
    for model in models() {
        let json = model.to_json().unwrap();
        assert_eq!(Model::from_bytes(json.as_bytes()).unwrap(), model);
        let bytes = model.to_safetensors(Precision::F64).unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
        let by_serde: Model =
            serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(by_serde, model);
        // A network is no model and a model no network.
        let net = model.net().to_json().unwrap();
        assert_eq!(
            Model::from_bytes(net.as_bytes()).unwrap_err().code(),
            Code::InvalidInput
        );
        assert!(Kan::from_bytes(json.as_bytes()).is_err());
        let net = model.net().to_safetensors(Precision::F64).unwrap();
        let e = Model::from_bytes(&net).unwrap_err();
        assert_eq!(e.field(), Some("__metadata__"), "{e}");
    }
}

/// The files of version 1 stay readable. After a change of the zoo: `NIS_UPDATE_GOLDEN=1 cargo test`.
#[test]
fn files_of_version_1_are_read() {
    let networks = zoo::networks();
    if std::env::var_os("NIS_UPDATE_GOLDEN").is_some() {
        let cases: Vec<Value> = networks
            .iter()
            .map(|(name, net)| {
                let x = zoo::points(net.inputs());
                let y = net.predict(&x).unwrap();
                json!({"name": name, "net": net, "x": x, "y": y})
            })
            .collect();
        std::fs::write(ZOO, serde_json::to_string(&cases).unwrap() + "\n").unwrap();
    }
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(ZOO).unwrap()).unwrap();
    assert_eq!(cases.len(), networks.len());
    for (case, (name, net)) in cases.iter().zip(&networks) {
        assert_eq!(case["name"], json!(name));
        let read = Kan::from_bytes(case["net"].to_string().as_bytes()).unwrap();
        assert_eq!(read, *net, "{name}");
    }
}

/// The file of [`zoo::symbolic`] with one place changed.
fn changed(path: &str, value: Value) -> Result<Kan, Error> {
    let mut file = serde_json::to_value(zoo::symbolic()).unwrap();
    let place = file.pointer_mut(path).expect(path);
    *place = value;
    Kan::from_bytes(file.to_string().as_bytes())
}

#[test]
fn what_does_not_fit_is_named() {
    for (path, value, field) in [
        ("/format", json!("other"), "format"),
        ("/version", json!(2), "version"),
        ("/version", json!(0), "version"),
        ("/layers", json!([]), "layers"),
        ("/layers/0/inputs", json!(4), "layers.0.coefficients"),
        (
            "/layers/0/inputs",
            json!(usize::MAX),
            "layers.0.coefficients",
        ),
        ("/layers/0/sums", json!(0), "layers.0.coefficients"),
        ("/layers/1/inputs", json!(-1), "layers[1].inputs"),
        ("/layers/0/order", json!(6), "layers.0.order"),
        ("/layers/0/order", json!(2), "layers.0.functions"),
        ("/layers/0/functions", json!(7), "layers.0.coefficients"),
        ("/layers/0/family", json!("wavelet"), "layers[0].family"),
        ("/layers/0/family", json!("chebyshev"), "layers.0.knots"),
        ("/layers/0/uniform", json!([]), "layers.0.knots, uniform"),
        ("/layers/0/products", json!([9]), "layers.0.products"),
        (
            "/layers/0/products",
            json!([2, 3, 2]),
            "layers.0.output_shift",
        ),
        (
            "/layers/0/products",
            json!([usize::MAX, usize::MAX]),
            "layers.0.products",
        ),
        ("/layers/0/removed", json!([[9, 9]]), "layers.0.edge"),
        (
            "/layers/0/removed",
            json!([[0, 3], [0, 3]]),
            "layers.0.removed, fixed",
        ),
        (
            "/layers/0/removed",
            json!([[0, 0]]),
            "layers.0.removed, fixed",
        ),
        (
            "/layers/0/fixed/0/function",
            json!("x +"),
            "layers.0.formula",
        ),
        ("/layers/0/fixed/0/function", json!("y"), "layers.0."),
        (
            "/layers/0/fixed/0/constants",
            json!([1, 2, 3]),
            "layers[0].fixed[0].constants",
        ),
        (
            "/layers/0/weights/coefficients/3",
            json!("1"),
            "layers[0].weights.coefficients[3]",
        ),
        (
            "/layers/0/weights/coefficients/3",
            json!(null),
            "layers[0].weights.coefficients[3]",
        ),
        ("/layers/0/weights/knots", json!([[0, 1]]), "layers.0.knots"),
        (
            "/layers/0/weights/knots",
            json!([]),
            "layers.0.knots, uniform",
        ),
        (
            "/layers/0/weights/knots/0/2",
            json!(1e300),
            "layers.0.knots",
        ),
        (
            "/layers/0/weights/knots/0/2",
            json!(-1.3),
            "layers.0.uniform",
        ),
        (
            "/layers/0/weights/sum_shift",
            json!([1.0]),
            "layers.0.sum_shift",
        ),
    ] {
        let e = changed(path, value.clone()).unwrap_err();
        let named = e.field().unwrap_or_default();
        assert!(named.starts_with(field), "{path} = {value}: {e}");
    }
    assert!(changed("/version", json!(1)).is_ok());
}

#[test]
fn symbolic_functions_that_grow_are_refused() {
    let product = vec!["x"; 120].join("*");
    for text in [product.as_str(), &"x+".repeat(1500)] {
        let e = changed("/layers/0/fixed/0/function", json!(text)).unwrap_err();
        assert_eq!(e.code(), Code::Limit, "{e}");
    }
    // Many that are just small enough: their derivatives are counted together.
    let factors: Vec<String> = (2..24).map(|k| format!("sin({k}*x)")).collect();
    let product = factors.join("*");
    let mut file = serde_json::to_value(Kan::new(&[200, 1], 1, 1, 0).unwrap()).unwrap();
    let fixed: Vec<Value> = (0..200)
        .map(|i| json!({"input": i, "sum": 0, "function": product, "constants": [1, 0, 1, 0]}))
        .collect();
    file["layers"][0]["fixed"] = json!(fixed);
    let e = Kan::from_bytes(file.to_string().as_bytes()).unwrap_err();
    assert_eq!(e.code(), Code::Limit, "{e}");
}

#[test]
fn broken_text_is_a_parse_error() {
    for text in ["", "{", "{}x", "\u{7b}\"format\": \"nis-kan\"", "nul"] {
        let e = Kan::from_bytes(text.as_bytes()).unwrap_err();
        assert!(
            matches!(e.code(), Code::Parse | Code::InvalidInput),
            "{text}: {e}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(Kan::from_bytes(deep.as_bytes()).is_err());
    let e = Kan::from_bytes(&[0xff, 0xfe]).unwrap_err();
    assert_eq!(e.field(), Some("file"));
    let net = zoo::symbolic().to_json().unwrap() + " x";
    let e = Kan::from_bytes(net.as_bytes()).unwrap_err();
    assert_eq!(e.code(), Code::Parse, "{e}");
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let model = model(Task::Regression);
    for bytes in [
        model.to_safetensors(Precision::F64).unwrap(),
        model.to_json().unwrap().into_bytes(),
    ] {
        for end in (0..bytes.len()).step_by(11) {
            assert!(Model::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
    }
}

/// The safetensors file of a network with another header.
fn with_header(net: &Kan, change: impl Fn(&mut Value)) -> Vec<u8> {
    let bytes = net.to_safetensors(Precision::F64).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
    change(&mut header);
    let header = header.to_string();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(&bytes[8 + n..]);
    out
}

#[test]
fn hostile_headers_are_refused() {
    let net = Kan::new(&[2, 1], 2, 2, 0).unwrap();
    let same = with_header(&net, |_| {});
    assert_eq!(Kan::from_bytes(&same).unwrap(), net);
    let tensor = "layers.0.coefficients";
    let changes: [&dyn Fn(&mut Value); 9] = [
        &|h| h[tensor]["shape"] = json!([2, 4, 1]),
        &|h| h[tensor]["shape"] = json!([u64::MAX, u64::MAX]),
        &|h| h[tensor]["data_offsets"] = json!([0, u64::MAX]),
        &|h| h[tensor]["dtype"] = json!("I64"),
        &|h| h["layers.0.extra"] = json!({"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}),
        &|h| {
            h.as_object_mut().unwrap().remove(tensor);
        },
        &|h| h["__metadata__"] = json!({}),
        &|h| h["__metadata__"]["nis_kan"] = json!("{}"),
        &|h| {
            let text = h["__metadata__"]["nis_kan"].as_str().unwrap();
            h["__metadata__"]["nis_kan"] =
                json!(text.replace("\"inputs\":2", "\"inputs\":99999999999"));
        },
    ];
    for (i, change) in changes.iter().enumerate() {
        let e = Kan::from_bytes(&with_header(&net, change)).unwrap_err();
        assert_eq!(e.code(), Code::InvalidInput, "change {i}: {e}");
    }
    // A header longer than what is read.
    let mut long = (40u64 << 20).to_le_bytes().to_vec();
    long.resize(8 + (40 << 20), b' ');
    long[8] = b'{';
    let e = Kan::from_bytes(&long).unwrap_err();
    assert_eq!(e.code(), Code::Limit, "{e}");
}

#[test]
fn what_is_not_finite_is_not_written() {
    let mut net = Kan::new(&[1, 1], 2, 2, 0).unwrap();
    net.layers[0].coefficients[1] = f64::NAN;
    for e in [
        net.to_json().unwrap_err(),
        net.to_safetensors(Precision::F64).unwrap_err(),
        net.to_c(&COptions::default()).unwrap_err(),
        net.to_onnx(Precision::F64).unwrap_err(),
    ] {
        assert_eq!(e.field(), Some("layers.0.coefficients"), "{e}");
    }
    assert!(serde_json::to_string(&net).is_err());
    net.layers[0].coefficients[1] = 1e200;
    assert!(net.to_safetensors(Precision::F64).is_ok());
    for e in [
        net.to_safetensors(Precision::F32).unwrap_err(),
        net.to_onnx(Precision::F32).unwrap_err(),
    ] {
        assert!(e.field().unwrap().starts_with("layers.0."), "{e}");
        assert_eq!(e.code(), Code::InvalidInput, "{e}");
    }
}

/// A few bytes changed, dropped, doubled or put in.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut below = |n: usize| random.below(n.max(1));
    for _ in 0..1 + below(3) {
        let at = below(out.len().max(1));
        match below(6) {
            0 if at < out.len() => out[at] ^= 1 << below(8),
            1 => out.truncate(at),
            2 => {
                let end = (at + 1 + below(6)).min(out.len());
                out.drain(at.min(end)..end);
            }
            3 => {
                let end = (at + below(20)).min(out.len());
                let piece = out[at.min(end)..end].to_vec();
                out.splice(at..at, piece);
            }
            4 => {
                let words = [
                    "null",
                    "-1",
                    "1e308",
                    "[",
                    "}",
                    "18446744073709551616",
                    "4294967295",
                    ",",
                ];
                out.splice(at..at, words[below(words.len())].bytes());
            }
            _ if at < out.len() => out[at] = [0, 1, 0x7f, 0x80, 0xff, b'9'][below(6)],
            _ => {}
        }
    }
    out
}

#[test]
fn mutated_files_give_a_network_or_an_error() {
    let mut random = Random(2026);
    let mut read = 0;
    let small = Kan::new(&[2, 2, 1], 2, 2, 0).unwrap();
    for net in [small, zoo::symbolic()] {
        let files = [
            net.to_json().unwrap().into_bytes(),
            net.to_safetensors(Precision::F64).unwrap(),
            net.to_safetensors(Precision::F32).unwrap(),
        ];
        for turn in 0..900 {
            let bytes = mutated(&files[turn % 3], &mut random);
            let Ok(net) = Kan::from_bytes(&bytes) else {
                continue;
            };
            read += 1;
            let y = net.predict(&vec![0.3; net.inputs()]).unwrap();
            assert_eq!(y.len(), net.outputs());
            let again = net.to_safetensors(Precision::F64).unwrap();
            assert_eq!(Kan::from_bytes(&again).unwrap(), net);
            // Either they are written, or they say why not.
            let _ = net.to_c(&COptions::default());
            let _ = net.to_onnx(Precision::F32);
        }
    }
    assert!(
        read > 50,
        "only {read} got through: the mutations are too rough"
    );
}

fn golden_pykan() -> Vec<Value> {
    let text = include_str!("../../../tests/golden/pykan.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn imported(case: &Value) -> Result<Kan, Error> {
    let state: BTreeMap<String, Array> = serde_json::from_value(case["state"].clone()).unwrap();
    let options: PykanOptions = serde_json::from_value(case["options"].clone()).unwrap();
    Kan::from_pykan(&state, &options)
}

#[test]
fn networks_of_pykan_give_its_outputs() {
    for case in golden_pykan() {
        let net = imported(&case).unwrap();
        let x: Vec<f64> = serde_json::from_value(case["x"].clone()).unwrap();
        let want: Vec<f64> = serde_json::from_value(case["y"].clone()).unwrap();
        let got = net.predict(&x).unwrap();
        assert_eq!(got.len(), want.len());
        for (g, w) in got.iter().zip(&want) {
            assert!(
                (g - w).abs() <= 1e-12 * w.abs().max(1.0),
                "{}: {g} {w}",
                case["name"]
            );
        }
        // It is a network like any other.
        assert_eq!(
            Kan::from_bytes(net.to_json().unwrap().as_bytes()).unwrap(),
            net
        );
    }
}

#[test]
fn state_dicts_that_do_not_fit_are_refused() {
    let case = &golden_pykan()[3];
    for (path, value, field) in [
        ("/options/base_fun", json!("relu"), "base_fun"),
        ("/options/mult_arity", json!([[], [2]]), "mult_arity"),
        ("/options/funs_name", json!([]), "funs_name[0][0][0]"),
        (
            "/options/funs_name/0/1/2",
            json!("anonymous"),
            "funs_name[0][1][2]",
        ),
        (
            "/state/act_fun.0.grid/shape",
            json!([3, 4]),
            "act_fun.0.grid",
        ),
        ("/state/act_fun.0.mask/shape", json!([12]), "act_fun.0.mask"),
        (
            "/state/act_fun.0.mask/values/0",
            json!(1.0),
            "symbolic_fun.0.mask[0][0]",
        ),
        ("/state/node_bias_0/shape", json!([5]), "node_bias_0"),
        (
            "/state/act_fun.1.coef/shape",
            json!([1, 4, 3]),
            "act_fun.1.grid",
        ),
    ] {
        let mut bad = case.clone();
        *bad.pointer_mut(path).expect(path) = value;
        let e = imported(&bad).unwrap_err();
        assert_eq!(e.field(), Some(field), "{path}: {e}");
    }
    let mut bad = case.clone();
    bad["state"]
        .as_object_mut()
        .unwrap()
        .remove("act_fun.0.grid");
    assert_eq!(imported(&bad).unwrap_err().code(), Code::NotFound);
    bad["state"] = json!({});
    assert_eq!(imported(&bad).unwrap_err().code(), Code::NotFound);
}

#[test]
fn onnx_files_hold_names_and_shapes() {
    let file = models()[1].to_onnx(Precision::F64).unwrap();
    let text = String::from_utf8_lossy(&file);
    for expected in ["probabilities", "[\"long\",\"wide\"]", "Softmax", "rows"] {
        assert!(text.contains(expected), "{expected}");
    }
}
