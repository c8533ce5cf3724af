//! `nis laplace invert`: values of the inverse transform of a formula.

use nis_core::Error;
use nis_core::expr::Expr;
use nis_core::laplace::inverse::{Inversion, InvertOptions, Method, invert_formula};

use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// What `nis laplace invert` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The transform, a formula in `s`, for example "exp(-2*s)/(s^2 + 1)".
    formula: String,
    /// Times: `from:to:number`, or numbers with commas between. A `from` of 0 is left out, for the transform
    /// says nothing about t = 0.
    #[arg(long, value_name = "TIMES")]
    t: String,
    /// Method: auto, talbot, euler, de-hoog, cme, fourier, weeks or rational.
    #[arg(long, default_value = "auto")]
    method: String,
    /// A real number right of all singularities; found where not given.
    #[arg(long, value_name = "SIGMA", allow_negative_numbers = true)]
    abscissa: Option<f64>,
    /// Number of nodes of the method.
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let formula = Expr::parse(&args.formula)?;
    let t = times(&args.t)?;
    let options = InvertOptions {
        method: method(&args.method)?,
        abscissa: args.abscissa,
        nodes: args.nodes,
        ..InvertOptions::default()
    };
    let cancel = stop_on_ctrl_c()?;
    let found = long_work(&cancel, args.quiet, |progress| {
        invert_formula(&formula, &t, &options, progress)
    })?;
    if args.json {
        return print(
            &serde_json::to_string_pretty(&found)
                .map_err(|e| Stop::Failed(format!("the result as JSON: {e}")))?,
        );
    }
    print(&text(&found))
}

fn method(name: &str) -> Result<Method, Error> {
    match name.replace('-', "_").as_str() {
        "auto" => Ok(Method::Auto),
        "talbot" => Ok(Method::Talbot),
        "euler" => Ok(Method::Euler),
        "de_hoog" => Ok(Method::DeHoog),
        "cme" => Ok(Method::Cme),
        "fourier" => Ok(Method::Fourier),
        "weeks" => Ok(Method::Weeks),
        "rational" => Ok(Method::Rational),
        _ => Err(Error::invalid(
            "method",
            name,
            "auto, talbot, euler, de-hoog, cme, fourier, weeks or rational",
        )),
    }
}

/// Most times that a range may ask for.
const MOST: usize = 10_000_000;

fn times(text: &str) -> Result<Vec<f64>, Error> {
    let bad = || {
        Error::invalid(
            "t",
            text,
            "from:to:number with from < to and a number of 2 or more, or times with commas between",
        )
    };
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| bad());
    if !text.contains(':') {
        return text.split(',').map(number).collect();
    }
    let parts: Vec<&str> = text.split(':').collect();
    let [from, to, count] = parts.as_slice() else {
        return Err(bad());
    };
    let (from, to) = (number(from)?, number(to)?);
    let count: usize = count.trim().parse().map_err(|_| bad())?;
    if !(2..=MOST).contains(&count) || !from.is_finite() || !to.is_finite() || from >= to {
        return Err(bad());
    }
    let step = (to - from) / (count - 1) as f64;
    Ok((0..count)
        .map(|k| {
            if k + 1 == count {
                to
            } else {
                from + step * k as f64
            }
        })
        .skip_while(|t| *t == 0.0)
        .collect())
}

fn text(found: &Inversion) -> String {
    let mut out = format!("{:>16} {:>24} {:>10}  method\n", "t", "f(t)", "+-");
    for (((t, value), error), method) in found
        .t
        .iter()
        .zip(&found.value)
        .zip(&found.error)
        .zip(&found.method)
    {
        let name = match method {
            Method::Auto => "auto",
            Method::Talbot => "talbot",
            Method::Euler => "euler",
            Method::DeHoog => "de-hoog",
            Method::Cme => "cme",
            Method::Fourier => "fourier",
            Method::Weeks => "weeks",
            Method::Rational => "rational",
            Method::Exact => "exact",
        };
        out.push_str(&format!(
            "{t:>16.9} {value:>24.16e} {error:>10.1e}  {name}\n"
        ));
    }
    let delays: Vec<String> = found.delays.iter().take(8).map(f64::to_string).collect();
    out.push_str(&format!(
        "{} values of F; delays {}{}; abscissa {}\n",
        found.evaluations,
        delays.join(", "),
        if found.delays.len() > 8 { ", ..." } else { "" },
        found.abscissa
    ));
    out
}
