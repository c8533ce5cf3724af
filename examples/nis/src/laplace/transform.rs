//! `nis laplace transform`: the Laplace transform of a column.

use nis_core::Error;
use nis_core::laplace::forward::{
    Line, LinePlan, Quadrature, Transform, TransformOptions, transform, transform_nonuniform,
};
use num_complex::Complex64;

use super::signal::Input;
use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// What `nis laplace transform` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// Points: complex numbers with commas between, for example "0.5,1+2j,-3j".
    #[arg(
        long,
        value_name = "POINTS",
        allow_hyphen_values = true,
        required_unless_present = "line"
    )]
    s: Option<String>,
    /// Points on a line: `sigma:omega0:step:count` for `sigma + j (omega0 + k step)`.
    #[arg(
        long,
        value_name = "LINE",
        allow_hyphen_values = true,
        conflicts_with = "s"
    )]
    line: Option<String>,
    /// What the signal is between its samples: spline, simpson, trapezoid or rectangle.
    #[arg(long, default_value = "spline")]
    quadrature: String,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let options = TransformOptions {
        quadrature: quadrature(&args.quadrature)?,
        ..TransformOptions::default()
    };
    let line = args.line.as_deref().map(line).transpose()?;
    let points = args.s.as_deref().map(points).transpose()?;
    let signal = args.input.read()?;
    let x = &signal.values;
    let cancel = stop_on_ctrl_c()?;
    // Uneven times are told by the grid they miss. Time counts from the first sample: in a record of years
    // e^{-s t} would leave nothing of it.
    let even = signal.uniform();
    let first = signal.times.first().copied().unwrap_or(0.0);
    let since: Vec<f64> = signal.times.iter().map(|t| t - first).collect();
    let found = long_work(&cancel, args.quiet, |progress| {
        match (&even, line, &points) {
            (Ok((_, dt)), Some(line), _) => {
                LinePlan::new(x.len(), 0.0, *dt, line, options.clone())?.transform(x, progress)
            }
            (Ok((_, dt)), None, Some(s)) => transform(x, 0.0, *dt, s, &options, progress),
            (Err(_), Some(line), _) => {
                let s: Vec<Complex64> = (0..line.count).map(|k| line.point(k)).collect();
                transform_nonuniform(&since, x, &s, &options, progress)
            }
            (Err(_), None, Some(s)) => transform_nonuniform(&since, x, s, &options, progress),
            (_, None, None) => Err(Error::invalid("s, line", "neither", "one of them")),
        }
    })?;
    if args.json {
        return print(
            &serde_json::to_string_pretty(&found)
                .map_err(|e| Stop::Failed(format!("the transform as JSON: {e}")))?,
        );
    }
    print(&text(&signal.name, &found))
}

fn quadrature(name: &str) -> Result<Quadrature, Error> {
    match name {
        "spline" => Ok(Quadrature::Spline),
        "simpson" => Ok(Quadrature::Simpson),
        "trapezoid" => Ok(Quadrature::Trapezoid),
        "rectangle" => Ok(Quadrature::Rectangle),
        _ => Err(Error::invalid(
            "quadrature",
            name,
            "spline, simpson, trapezoid or rectangle",
        )),
    }
}

/// Complex numbers as `a`, `bj`, `a+bj` with commas between.
fn points(text: &str) -> Result<Vec<Complex64>, Error> {
    text.split(',')
        .map(|one| {
            one.trim()
                .replace('j', "i")
                .parse::<Complex64>()
                .map_err(|_| Error::invalid("s", one, "complex numbers such as 0.5, -2j or 1+3j"))
        })
        .collect()
}

/// Most points that a line may ask for.
const MOST: usize = 10_000_000;

fn line(text: &str) -> Result<Line, Error> {
    let bad = || {
        Error::invalid(
            "line",
            text,
            "sigma:omega0:step:count, three numbers and a count of 1 or more",
        )
    };
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let [sigma, omega0, step, count] = parts.as_slice() else {
        return Err(bad());
    };
    let number = |text: &str| text.parse::<f64>().map_err(|_| bad());
    let count: usize = count.parse().map_err(|_| bad())?;
    if !(1..=MOST).contains(&count) {
        return Err(bad());
    }
    Ok(Line {
        sigma: number(sigma)?,
        omega0: number(omega0)?,
        step: number(step)?,
        count,
    })
}

fn text(name: &str, found: &Transform) -> String {
    let converges = match found.abscissa {
        Some(abscissa) => format!("as its end tells, it converges for Re(s) > {abscissa:.4}"),
        None => "it converges everywhere".to_owned(),
    };
    let mut out = format!(
        "transform of {name} over the record, time counted from its first sample; {converges}\n"
    );
    out.push_str(&format!(
        "{:>14} {:>14} {:>22} {:>22} {:>9} {:>9}\n",
        "Re s", "Im s", "Re F", "Im F", "+-", "tail"
    ));
    for (((s, f), error), tail) in found
        .s
        .iter()
        .zip(&found.values)
        .zip(&found.error)
        .zip(&found.tail)
    {
        let tail = tail.map_or("diverges".to_owned(), |tail| format!("{tail:.2e}"));
        out.push_str(&format!(
            "{:>14.6} {:>14.6} {:>22.14e} {:>22.14e} {error:>9.1e} {tail:>9}\n",
            s.re, s.im, f.re, f.im
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_lines_are_read_or_named() {
        let read = points("0.5, 1+2j,-3j").unwrap();
        assert_eq!(read[1], Complex64::new(1.0, 2.0));
        assert_eq!(read[2], Complex64::new(0.0, -3.0));
        assert_eq!(points("one").unwrap_err().field(), Some("s"));
        let read = line("0.1:-2:0.5:7").unwrap();
        assert_eq!(
            (read.sigma, read.omega0, read.step, read.count),
            (0.1, -2.0, 0.5, 7)
        );
        for bad in ["1:2:3", "a:0:1:2", "0:0:1:0", "0:0:1:99999999999"] {
            assert_eq!(line(bad).unwrap_err().field(), Some("line"), "{bad}");
        }
    }
}
