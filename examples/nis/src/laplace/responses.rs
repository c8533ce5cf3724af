//! Frequency responses from files: CSV, or Touchstone (`.s1p`, `.s2p`, ..).

use std::fs;
use std::path::Path;

use num_complex::Complex64;

use super::signal::table;
use crate::Stop;

/// Measured responses `[frequency][output][input]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Responses {
    /// Frequencies as the file has them (CSV), in hertz (Touchstone).
    pub(crate) f: Vec<f64>,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) values: Vec<Complex64>,
}

/// Reads a file by its ending.
pub(crate) fn read(path: &Path, inputs: Option<usize>) -> Result<Responses, Stop> {
    match ports(path) {
        Some(ports) => {
            let text = fs::read_to_string(path)
                .map_err(|e| Stop::BadInput(format!("{}: {e}", path.display())))?;
            touchstone(&text, ports).map_err(|e| Stop::BadInput(format!("{}, {e}", path.display())))
        }
        None => from_csv(path, inputs),
    }
}

/// Number of ports by the ending `.sNp`.
fn ports(path: &Path) -> Option<usize> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let ports = ending.strip_prefix('s')?.strip_suffix('p')?.parse().ok()?;
    (1..=999).contains(&ports).then_some(ports)
}

/// Columns: frequency, then real and imaginary part of each response.
fn from_csv(path: &Path, inputs: Option<usize>) -> Result<Responses, Stop> {
    let data = table(path)?;
    let count = data.columns.len().saturating_sub(1);
    if count == 0 || count % 2 == 1 {
        return Err(Stop::BadInput(format!(
            "{}: {} numeric columns, expected the frequency and two (re, im) per response",
            path.display(),
            data.columns.len()
        )));
    }
    let cells = count / 2;
    let square = cells.isqrt();
    let inputs = inputs.unwrap_or(if square * square == cells { square } else { 1 });
    if inputs == 0 || cells % inputs != 0 {
        return Err(Stop::BadInput(format!(
            "--inputs: got {inputs}, expected a divisor of the {cells} responses"
        )));
    }
    let mut columns = data.columns.iter().map(|c| c.values.as_slice());
    let f = columns.next().unwrap_or_default().to_vec();
    let parts: Vec<&[f64]> = columns.collect();
    let values = (0..f.len())
        .flat_map(|k| {
            parts
                .chunks_exact(2)
                .map(move |pair| Complex64::new(pair[0][k], pair[1][k]))
        })
        .collect();
    Ok(Responses {
        f,
        outputs: cells / inputs,
        inputs,
        values,
    })
}

/// The option line: unit of frequency, and how a pair of numbers is meant.
struct Format {
    unit: f64,
    pair: fn(f64, f64) -> Complex64,
}

fn from_polar(magnitude: f64, degrees: f64) -> Complex64 {
    Complex64::from_polar(magnitude, degrees.to_radians())
}

fn format(line: &str) -> Result<Format, String> {
    // What is not given: GHz S MA R 50.
    let mut format = Format {
        unit: 1e9,
        pair: from_polar,
    };
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_str() {
            "hz" => format.unit = 1.0,
            "khz" => format.unit = 1e3,
            "mhz" => format.unit = 1e6,
            "ghz" => format.unit = 1e9,
            "s" => {}
            "ma" => format.pair = from_polar,
            "db" => format.pair = |db, degrees| from_polar(10f64.powf(db / 20.0), degrees),
            "ri" => format.pair = Complex64::new,
            "r" => {
                words.next();
            }
            other => {
                return Err(format!(
                    "option {other:?}, expected Hz, kHz, MHz or GHz, S, MA, DB or RI, R and a resistance"
                ));
            }
        }
    }
    Ok(format)
}

/// Touchstone version 1: S-parameters, by rows but for two ports, which stand by columns (S11 S21 S12 S22); noise
/// data after them is left out.
fn touchstone(text: &str, ports: usize) -> Result<Responses, String> {
    let mut layout = None;
    let mut numbers: Vec<f64> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    let size = 1 + 2 * ports * ports;
    for (at, line) in text.lines().enumerate() {
        let place = |what: String| format!("line {}: {what}", at + 1);
        let line = line.split('!').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with('[') {
            return Err(place(format!(
                "{line:?}: version 2 is not read, expected version 1"
            )));
        }
        if let Some(options) = line.strip_prefix('#') {
            // Further option lines are ignored, as the format says.
            if layout.is_none() {
                layout = Some(format(options).map_err(place)?);
            }
            continue;
        }
        let mut row = Vec::new();
        for word in line.split_whitespace() {
            row.push(
                word.parse::<f64>()
                    .map_err(|_| place(format!("{word:?}, expected a number")))?,
            );
        }
        if numbers.len().is_multiple_of(size) {
            let first = row.first().copied().unwrap_or(f64::NAN);
            if ports == 2 && first <= last && row.len() == 5 {
                break;
            }
            if first.is_nan() || first <= last {
                return Err(place(format!(
                    "frequency {first} after {last}, expected rising ones"
                )));
            }
            last = first;
        }
        numbers.extend(row);
    }
    let layout = match layout {
        Some(layout) => layout,
        None => format("")?,
    };
    if numbers.is_empty() || !numbers.len().is_multiple_of(size) {
        return Err(format!(
            "{} numbers, expected a multiple of {size}: a frequency and {} pairs",
            numbers.len(),
            ports * ports
        ));
    }
    let mut out = Responses {
        f: Vec::new(),
        outputs: ports,
        inputs: ports,
        values: Vec::new(),
    };
    for record in numbers.chunks_exact(size) {
        let (f, pairs) = record.split_at(1);
        out.f.extend(f.iter().map(|f| f * layout.unit));
        let mut values: Vec<Complex64> = pairs
            .chunks_exact(2)
            .map(|p| (layout.pair)(p[0], p[1]))
            .collect();
        if ports == 2 {
            values.swap(1, 2);
        }
        out.values.extend(values);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_units_and_orders() {
        let two = "! a filter\n# MHz S RI R 50\n100 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 ! first\n200 1 2 3 4 5 6 7 8\n\
                   100 1.2 0.3 40 0.1\n";
        let read = touchstone(two, 2).unwrap();
        assert_eq!(read.f, [100e6, 200e6]);
        let c = Complex64::new;
        // S11 S21 S12 S22 in the file, by rows here.
        assert_eq!(
            read.values[..4],
            [c(0.1, 0.2), c(0.5, 0.6), c(0.3, 0.4), c(0.7, 0.8)]
        );
        let near = |text: &str, want: Complex64| {
            let read = touchstone(text, 1).unwrap();
            assert!((read.values[0] - want).norm() < 1e-15, "{read:?}");
            read.f[0]
        };
        assert_eq!(near("# khz db s\n2 -20 90\n", c(0.0, 0.1)), 2e3);
        assert_eq!(near("1 0.5 180\n", c(-0.5, 0.0)), 1e9);
        // Three ports wrap their rows.
        let three = "# Hz S RI\n1 1 0 2 0 3 0\n 4 0 5 0 6 0\n 7 0 8 0 9 0\n";
        let read = touchstone(three, 3).unwrap();
        assert_eq!(read.values[5], c(6.0, 0.0));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, ports, part) in [
            ("# Hz Z RI\n1 1 0\n", 1, "option \"z\""),
            ("1 0.5 x\n", 1, "line 1: \"x\""),
            ("1 0.5\n", 1, "2 numbers"),
            ("", 1, "0 numbers"),
            ("[Version] 2.0\n", 1, "version 2"),
            ("2 1 0\n1 1 0\n", 1, "line 2: frequency 1 after 2"),
        ] {
            let error = touchstone(text, ports).unwrap_err();
            assert!(error.contains(part), "{part:?} in {error:?}");
        }
        assert_eq!(ports(Path::new("a/b.S12P")), Some(12));
        for name in ["a.csv", "a.sp", "a.s0p", "a.s-1p", "s2p"] {
            assert_eq!(ports(Path::new(name)), None, "{name}");
        }
    }
}
