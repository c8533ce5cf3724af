//! What the fuzzers run: for each target a plain function of some bytes that must neither panic nor ask for more
//! memory than it states, and a few inputs to start from. Used by cargo-fuzz (`fuzz_targets/`) and by the stable
//! runner (`src/bin/fuzz_stable.rs`).

use nis_core::laplace::compress::{
    CompressOptions, Container, Decoder, Encoder, Target, compress, decompress_within,
};
use nis_core::laplace::{ModesOptions, PoleResidue, modes};
use nis_core::telemetry::Progress;
use num_complex::Complex64;

mod kan;
mod pinn;
mod physics;
mod specs;
#[cfg(feature = "providers")]
mod wires;

pub use kan::{kan_file, kan_pykan};
pub use pinn::pinn_problem;
#[cfg(feature = "providers")]
pub use wires::{wire_anthropic, wire_chat, wire_gemini, wire_responses};
pub use physics::validation_spec;
pub use specs::{fit_options, invert_spec, system_spec, transform_spec};

/// A target: its body, and inputs that get far into it.
pub struct Fuzz {
    /// Name at the command line and of the file in `fuzz_targets/`.
    pub name: &'static str,
    /// Runs one input.
    pub body: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets. New ones are added here and in `fuzz_targets/`.
pub const ALL: &[Fuzz] = &[
    Fuzz {
        name: "compressed",
        body: compressed,
        seeds: compressed_seeds,
    },
    Fuzz {
        name: "pole_residue",
        body: pole_residue,
        seeds: pole_residue_seeds,
    },
    Fuzz {
        name: "modes_options",
        body: modes_options,
        seeds: modes_options_seeds,
    },
    Fuzz {
        name: "compress_options",
        body: compress_options,
        seeds: compress_options_seeds,
    },
    Fuzz {
        name: "transform_spec",
        body: transform_spec,
        seeds: specs::transform_spec_seeds,
    },
    Fuzz {
        name: "invert_spec",
        body: invert_spec,
        seeds: specs::invert_spec_seeds,
    },
    Fuzz {
        name: "fit_options",
        body: fit_options,
        seeds: specs::fit_options_seeds,
    },
    Fuzz {
        name: "system_spec",
        body: system_spec,
        seeds: specs::system_spec_seeds,
    },
    Fuzz {
        name: "kan_file",
        body: kan_file,
        seeds: kan::kan_file_seeds,
    },
    Fuzz {
        name: "kan_pykan",
        body: kan_pykan,
        seeds: kan::kan_pykan_seeds,
    },
    Fuzz {
        name: "pinn_problem",
        body: pinn_problem,
        seeds: pinn::pinn_problem_seeds,
    },
    #[cfg(feature = "providers")]
    Fuzz {
        name: "wire_chat",
        body: wire_chat,
        seeds: wires::wire_chat_seeds,
    },
    #[cfg(feature = "providers")]
    Fuzz {
        name: "wire_responses",
        body: wire_responses,
        seeds: wires::wire_responses_seeds,
    },
    #[cfg(feature = "providers")]
    Fuzz {
        name: "wire_anthropic",
        body: wire_anthropic,
        seeds: wires::wire_anthropic_seeds,
    },
    #[cfg(feature = "providers")]
    Fuzz {
        name: "wire_gemini",
        body: wire_gemini,
        seeds: wires::wire_gemini_seeds,
    },
    Fuzz {
        name: "validation_spec",
        body: validation_spec,
        seeds: physics::validation_spec_seeds,
    },
];

/// Puts the right check sums into what looks like a container, so that a mutation reaches what is behind them.
/// Follows docs/compression.md.
fn with_check_sums(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let Some(flags) = out.get(4).copied() else {
        return out;
    };
    let head = 14 + 8 * usize::from(flags & 3 != 0) + 8 * usize::from(flags & 4 != 0);
    let mut at = seal(&mut out, 0, head);
    while let Some(tag) = out.get(at).copied() {
        let (_, mut end) = varint(&out, at + 1);
        if tag == 4 {
            seal(&mut out, at, end.saturating_add(8));
            break;
        }
        let (size, after) = varint(&out, end);
        end = after.saturating_add(size as usize);
        at = seal(&mut out, at, end);
    }
    out
}

fn varint(bytes: &[u8], at: usize) -> (u64, usize) {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().skip(at).take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return (value, at + i + 1);
        }
    }
    (value, bytes.len())
}

/// Writes the CRC-32 of `bytes[start..end]` behind it; where the next record begins.
fn seal(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let next = end.saturating_add(4);
    if next <= bytes.len() {
        let mut crc = u32::MAX;
        for byte in &bytes[start..end] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
            }
        }
        bytes[end..next].copy_from_slice(&(!crc).to_le_bytes());
    }
    next
}

/// Containers of compressed samples: as they are and with their check sums set right; in one piece, in small
/// pieces, by index and as JSON. All ways must agree, samples must be finite, and what is stated about memory
/// holds: no more than the limit comes out.
pub fn compressed(data: &[u8]) {
    const LIMIT: u64 = 1 << 17;
    for bytes in [data.to_vec(), with_check_sums(data)] {
        let whole = decompress_within(&bytes, LIMIT, &Progress::none());
        if let Ok(whole) = &whole {
            assert!(whole.len() as u64 <= LIMIT);
            assert!(whole.iter().all(|v| v.is_finite()));
        }
        let mut decoder = Decoder::new();
        let mut pieces = Vec::new();
        let mut failed = false;
        'all: for piece in bytes.chunks(1 + bytes.len() % 13) {
            let mut rest = piece;
            loop {
                match decoder.push(&mut rest) {
                    Ok(Some(segment)) => {
                        assert_eq!(segment.start, pieces.len() as u64);
                        pieces.extend(segment.samples);
                        if decoder.samples() > LIMIT {
                            failed = true;
                            break 'all;
                        }
                    }
                    Ok(None) => break,
                    Err(_) => {
                        failed = true;
                        break 'all;
                    }
                }
            }
        }
        failed |= decoder.finish().is_err();
        assert_eq!(whole.is_err(), failed);
        if let Ok(whole) = &whole {
            assert!(*whole == pieces);
            let container = Container::open(&bytes).expect("decodes, so it opens");
            let by_index: Vec<f64> = (0..container.len())
                .flat_map(|i| container.segment(i).expect("decoded before").samples)
                .collect();
            assert!(by_index == *whole);
        }
        if let Ok(container) = Container::open(&bytes)
            && let Ok(description) = container.describe()
        {
            let text = serde_json::to_string(&description).expect("plain data");
            assert!(!text.is_empty());
        }
    }
}

fn compressed_seeds() -> Vec<Vec<u8>> {
    let wave = |k: i32| (-0.01 * f64::from(k)).exp() * (0.3 * f64::from(k)).cos();
    let signals: [Vec<f64>; 5] = [
        vec![],
        vec![1.5; 100],
        (0..300).map(wave).collect(),
        (0..300).map(|k| f64::from((k * k) % 37)).collect(),
        (0..64)
            .map(|k| if k % 2 == 0 { 1e300 } else { f64::from(k) })
            .collect(),
    ];
    let mut out = Vec::new();
    for signal in &signals {
        for target in [Target::MaxError(1e-3), Target::RelativeRms(1e-2)] {
            let options = CompressOptions {
                target,
                max_segment: 128,
                min_segment: 32,
                ..CompressOptions::default()
            };
            let compressed = compress(signal, 0.5, &options, &Progress::none());
            out.push(compressed.expect("finite samples").bytes);
        }
    }
    out
}

/// A transfer function as JSON: read, checked, evaluated, written and read again.
pub fn pole_residue(data: &[u8]) {
    let Ok(system) = serde_json::from_slice::<PoleResidue>(data) else {
        return;
    };
    if system.check().is_err() {
        return;
    }
    let _ = system.order();
    for s in [
        Complex64::new(0.0, 0.0),
        Complex64::new(0.5, -2.0),
        Complex64::new(-1.0, 1e300),
    ] {
        assert_eq!(system.evaluate(s).len(), system.outputs * system.inputs);
    }
    let text = serde_json::to_string(&system).expect("plain data");
    let again: PoleResidue = serde_json::from_str(&text).expect("what was written is read");
    assert_eq!(again, system);
}

fn pole_residue_seeds() -> Vec<Vec<u8>> {
    [
        r#"{"outputs":1,"inputs":1,"terms":[{"pole":[-1.0,2.0],"residue":[[0.5,0.25]]}],"direct":[0.5]}"#,
        r#"{"outputs":1,"inputs":2,"terms":[{"pole":[-1.0,0.0],"power":2,"residue":[[0.5,0.0],[1e3,0.0]]}],"direct":[],"linear":[1.0,2.0]}"#,
        r#"{"outputs":2,"inputs":2,"terms":[]}"#,
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect()
}

/// The options of `modes` as JSON, on a short record.
pub fn modes_options(data: &[u8]) {
    let Ok(options) = serde_json::from_slice::<ModesOptions>(data) else {
        return;
    };
    let x: Vec<f64> = (0..48)
        .map(|k| (-0.02 * f64::from(k)).exp() * (0.4 * f64::from(k)).cos() + 0.1 * f64::from(k % 5))
        .collect();
    if let Ok(found) = modes(&x, 0.0, 0.1, &options, &Progress::none()) {
        assert_eq!(found.fitted.len(), x.len());
        assert!(
            found
                .modes
                .iter()
                .all(|m| m.pole.is_finite() && m.residue.is_finite())
        );
    }
}

fn modes_options_seeds() -> Vec<Vec<u8>> {
    [
        "{}",
        r#"{"order":4,"max_order":8,"detrend":"linear"}"#,
        r#"{"order":null,"max_order":12,"detrend":"none"}"#,
        r#"{"order":1,"detrend":"mean"}"#,
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect()
}

/// The options of `compress` as JSON, on a short record; what comes out must come back.
pub fn compress_options(data: &[u8]) {
    let Ok(options) = serde_json::from_slice::<CompressOptions>(data) else {
        return;
    };
    let x: Vec<f64> = (0..90)
        .map(|k| (0.3 * f64::from(k)).sin() + f64::from(k % 7))
        .collect();
    if let Ok(compressed) = compress(&x, 0.1, &options, &Progress::none()) {
        let back = decompress_within(&compressed.bytes, 90, &Progress::none());
        assert_eq!(back.expect("just written").len(), 90);
    }
    if let Ok(mut encoder) = Encoder::new(0.1, &options) {
        encoder.push(&x, &Progress::none()).expect("finite samples");
        let bytes = encoder.finish(&Progress::none()).expect("finite samples");
        assert!(decompress_within(&bytes, 90, &Progress::none()).is_ok());
    }
}

fn compress_options_seeds() -> Vec<Vec<u8>> {
    [
        "{}",
        r#"{"target":{"max_error":0.01},"max_order":4,"max_segment":32,"min_segment":8,"modes":true,"lattice":0.5}"#,
        r#"{"target":{"ratio":4.0},"modes":false}"#,
        r#"{"target":{"relative_rms":1e-9}}"#,
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect()
}
