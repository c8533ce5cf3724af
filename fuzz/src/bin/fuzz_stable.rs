//! Runs a target on mutated seeds with stable Rust: `fuzz_stable TARGET RUNS SEED`. No coverage guides it, so it
//! is no match for cargo-fuzz; it needs nothing but cargo, and a run is the same every time.
//!
//! The input of a run that panics is written to `fuzz/artifacts/TARGET-SEED-RUN`, and the program ends with 1.

use std::panic::catch_unwind;
use std::process::ExitCode;

use nis_fuzz::{ALL, Fuzz};

/// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n.max(1) as u64) as usize
    }
}

/// Pieces of text that JSON readers trip over.
const WORDS: [&str; 16] = [
    "null",
    "-1",
    "0",
    "1e308",
    "1e-320",
    "NaN",
    "18446744073709551616",
    "[",
    "]",
    "{",
    "}",
    "\"\"",
    ",",
    "true",
    "4294967295",
    "-0.0",
];

/// One change of some bytes.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1).min(bytes.len());
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.bits() as u8,
        2 => bytes.insert(at, random.bits() as u8),
        3 => bytes.truncate(at),
        4 => {
            let end = (at + 1 + random.below(8)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + 1 + random.below(24)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, piece);
        }
        6 => {
            let word = WORDS[random.below(WORDS.len())].bytes();
            let end = (at + random.below(5)).min(bytes.len());
            bytes.splice(at..end, word);
        }
        7 => {
            // The end of another input.
            let other = &others[random.below(others.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        _ => {}
    }
}

fn run(fuzz: &Fuzz, runs: u64, seed: u64) -> ExitCode {
    let seeds = (fuzz.seeds)();
    let mut random = Random(seed);
    for turn in 0..runs {
        let mut input = seeds[random.below(seeds.len())].clone();
        // The seeds themselves first, then few changes more often than many.
        if turn >= seeds.len() as u64 {
            for _ in 0..1 + random.below(3) * random.below(6) {
                mutate(&mut input, &seeds, &mut random);
            }
        } else {
            input = seeds[turn as usize].clone();
        }
        if catch_unwind(|| (fuzz.body)(&input)).is_err() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts");
            let path = format!("{folder}/{}-{seed}-{turn}", fuzz.name);
            let written =
                std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &input));
            eprintln!(
                "{}: run {turn} of seed {seed} panicked; input in {path} ({written:?})",
                fuzz.name
            );
            return ExitCode::FAILURE;
        }
    }
    println!("{}: {runs} runs of seed {seed}, no panic", fuzz.name);
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = ALL.iter().map(|f| f.name).collect();
    let usage = format!(
        "fuzz_stable TARGET RUNS SEED, or fuzz_stable TARGET FILE; targets: {}",
        names.join(", ")
    );
    let found = args
        .first()
        .and_then(|name| ALL.iter().find(|f| f.name == name));
    match (found, args.get(1), args.get(2)) {
        (Some(fuzz), Some(runs), Some(seed)) => match (runs.parse(), seed.parse()) {
            (Ok(runs), Ok(seed)) => run(fuzz, runs, seed),
            _ => {
                eprintln!("{usage}");
                ExitCode::from(2)
            }
        },
        (Some(fuzz), Some(file), None) => match std::fs::read(file) {
            Ok(input) => {
                (fuzz.body)(&input);
                println!("{}: {file} does no harm", fuzz.name);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("{usage}");
            ExitCode::from(2)
        }
    }
}
