//! Targets of networks from files and of pykan's arrays.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use nis_core::kan::store::{Array, COptions, PykanOptions};
use nis_core::kan::{
    Base, Edge, Kan, Model, ModelOptions, Names, Outside, Precision, Structure, Symbolic, Task,
};
use nis_core::telemetry::Progress;

/// What the program holds now, and the most that it held since the last reset.
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grown(by: usize) {
    let held = HELD.fetch_add(by, Ordering::Relaxed) + by;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the contract of this function is that of the call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs a reader and checks what is stated about its memory: 64 times the input and 128 MiB.
fn within<T>(input: usize, read: impl FnOnce() -> T) -> T {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let out = read();
    let took = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(
        took <= 64 * input + (128 << 20),
        "{took} bytes for a file of {input}"
    );
    out
}

/// A network that was read is used, written in all formats and read again.
fn used(net: &Kan) {
    if net.parameters() > 100_000 || net.widths().iter().any(|w| *w > 1000) {
        return;
    }
    for x in [0.0, -0.7, 3.0, 1e300, f64::NAN] {
        let y = net.predict(&vec![x; net.inputs()]).expect("one row");
        assert_eq!(y.len(), net.outputs());
        let jacobian = net.jacobian(&vec![x; net.inputs()]).expect("one row");
        assert_eq!(jacobian.len(), net.outputs() * net.inputs());
    }
    let bytes = net.to_safetensors(Precision::F64).expect("was read");
    assert_eq!(Kan::from_bytes(&bytes).expect("was written"), *net);
    let json = net.to_json().expect("was read");
    assert_eq!(Kan::from_bytes(json.as_bytes()).expect("was written"), *net);
    for precision in [Precision::F64, Precision::F32] {
        let options = COptions {
            precision,
            ..COptions::default()
        };
        let _ = net.to_c(&options);
        let _ = net.to_onnx(precision);
        let _ = net.to_safetensors(precision);
    }
}

/// Files of networks and models, JSON and safetensors.
pub fn kan_file(data: &[u8]) {
    if let Ok(net) = within(data.len(), || Kan::from_bytes(data)) {
        used(&net);
    }
    if let Ok(model) = within(data.len(), || Model::from_bytes(data)) {
        used(model.net());
        let x = vec![0.5; model.inputs().len()];
        let _ = model.predict(&x);
        let bytes = model.to_safetensors(Precision::F64).expect("was read");
        assert_eq!(Model::from_bytes(&bytes).expect("was written"), model);
        let _ = model.to_c(&COptions::default());
        let _ = model.to_onnx(Precision::F32);
    }
}

fn networks() -> Vec<Kan> {
    let mut out = Vec::new();
    for (family, base, outside) in [
        ("b_spline", Base::Silu, Outside::Linear),
        ("chebyshev", Base::None, Outside::Natural),
        ("fourier", Base::Identity, Outside::Linear),
    ] {
        let net = Kan::of(&Structure {
            widths: vec![2, 3, 1],
            products: vec![vec![2]],
            grid: 2,
            order: 2,
            family: serde_json::from_str(&format!("\"{family}\"")).expect("a family"),
            base,
            outside,
            seed: 1,
            ..Structure::default()
        });
        let mut net = net.expect("a small network");
        let first = &mut net.layers_mut()[0];
        first.set_edge(0, 0, Edge::Removed).expect("an edge");
        let wave = Symbolic::new("sin(x) + x^2/3", [1.0, 0.5, 2.0, -1.0]).expect("a function");
        first
            .set_edge(1, 2, Edge::Fixed(Box::new(wave)))
            .expect("an edge");
        out.push(net);
    }
    out
}

pub(crate) fn kan_file_seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for net in networks() {
        out.push(net.to_json().expect("finite").into_bytes());
        out.push(net.to_safetensors(Precision::F64).expect("finite"));
        out.push(net.to_safetensors(Precision::F32).expect("finite"));
    }
    let x: Vec<f64> = (0..40).map(f64::from).collect();
    for task in [
        Task::Regression,
        Task::Classification {
            classes: vec!["a".into(), "b".into()],
        },
    ] {
        let y: Vec<f64> = (0..20).map(|i| f64::from(i % 2)).collect();
        let options = ModelOptions {
            task,
            grid: 1,
            order: 1,
            ..ModelOptions::default()
        };
        let names = Names::numbered(2, 1);
        let model = Model::fit(&x, &y, &names, &options, &Progress::none()).expect("plain rows");
        out.push(model.to_json().expect("finite").into_bytes());
        out.push(model.to_safetensors(Precision::F64).expect("finite"));
    }
    out
}

/// The arrays of a pykan checkpoint and their options as JSON, apart by a newline.
pub fn kan_pykan(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (Some(options), Some(state)) = (parts.next(), parts.next()) else {
        return;
    };
    let (Ok(options), Ok(state)) = (
        serde_json::from_slice::<PykanOptions>(options),
        serde_json::from_slice::<BTreeMap<String, Array>>(state),
    ) else {
        return;
    };
    if let Ok(net) = within(data.len(), || Kan::from_pykan(&state, &options)) {
        used(&net);
    }
}

pub(crate) fn kan_pykan_seeds() -> Vec<Vec<u8>> {
    let state = r#"{"act_fun.0.grid":{"shape":[1,7],"values":[-3,-2,-1,0,1,2,3]},"act_fun.0.coef":{"shape":[1,2,4],"values":[1,2,3,4,5,6,7,8]},"act_fun.0.mask":{"shape":[1,2],"values":[1,0]},"act_fun.0.scale_sp":{"shape":[1,2],"values":[0.5,1]},"act_fun.0.scale_base":{"shape":[1,2],"values":[1,2]},"node_bias_0":{"shape":[1],"values":[0.5]},"node_scale_0":{"shape":[1],"values":[2]},"subnode_bias_0":{"shape":[2],"values":[0,1]},"subnode_scale_0":{"shape":[2],"values":[1,1]},"symbolic_fun.0.mask":{"shape":[2,1],"values":[0,1]},"symbolic_fun.0.affine":{"shape":[2,1,4],"values":[1,0,1,0,2,0.5,1,0]}}"#;
    [
        r#"{"funs_name":[[["0"],["sin"]]]}"#,
        r#"{"base_fun":"zero","mult_arity":[[],[2]],"funs_name":[[["0"],["arcsin"]]]}"#,
        r#"{"base_fun":"identity","symbolic_enabled":false}"#,
    ]
    .iter()
    .map(|options| format!("{options}\n{state}").into_bytes())
    .collect()
}
