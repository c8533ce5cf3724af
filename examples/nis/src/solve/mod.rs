//! `nis solve`: a differential equation from a file, solved or fitted to data.

mod file;
mod text;

use std::path::PathBuf;

use nis_core::Error;
use nis_core::pinn::{Method, Solution, solve};

use crate::work::{long_work, stop_on_ctrl_c, write_whole};
use crate::{Stop, complain, print};

/// Points of a grid at most.
const MOST_POINTS: usize = 4_000_000;

/// What `nis solve` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Problem file, TOML or JSON: equations, domain, conditions, parameters, data, options.
    file: PathBuf,
    /// Solver: auto, features, network or integrate; what the file says where not given.
    #[arg(long, value_name = "NAME", value_parser = method)]
    method: Option<Method>,
    /// Wanted relative error.
    #[arg(long, value_name = "X")]
    tolerance: Option<f64>,
    /// Seed of everything that is drawn at random.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads; the result does not depend on them.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Seconds after which the best solution so far is given.
    #[arg(long, value_name = "S")]
    max_seconds: Option<f64>,
    /// Print the result (without the functions) as JSON, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Also write a self-contained web page with drawings.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write the values on a grid over the domain as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Points of that grid along each coordinate, with commas; one number for all.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [33], requires = "csv")]
    grid: Vec<usize>,
    /// Also write the whole solution, which every face of NIS reads, as JSON.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// The solvers by their names in the options.
fn method(text: &str) -> Result<Method, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "expected auto, features, network or integrate".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let file::Read {
        problem,
        mut options,
    } = file::read(&args.file)?;
    options.method = args.method.unwrap_or(options.method);
    options.tolerance = args.tolerance.unwrap_or(options.tolerance);
    options.seed = args.seed.unwrap_or(options.seed);
    options.threads = args.threads.unwrap_or(options.threads);
    options.max_seconds = args.max_seconds.or(options.max_seconds);
    if args.csv.is_some() {
        counts(&args.grid, problem.coordinates().len())?;
    }
    let cancel = stop_on_ctrl_c()?;
    let solution = long_work(&cancel, args.quiet, |progress| {
        solve(&problem, &options, progress)
    })
    .map_err(|error| match error {
        Error::Cancelled => Stop::Interrupted,
        error => Stop::from(error),
    })?;

    // Files first, so that `nis solve ... --html page.html | head -1` has them too.
    let mut written = Vec::new();
    if let Some(path) = &args.html {
        write_whole("--html", path, &solution.to_html()?, &cancel)?;
        written.push(format!("page: {}", path.display()));
    }
    if let Some(path) = &args.csv {
        write_whole("--csv", path, &table(&solution, &args.grid)?, &cancel)?;
        written.push(format!("values: {}", path.display()));
    }
    if let Some(path) = &args.out {
        write_whole("--out", path, &solution.to_json()?, &cancel)?;
        written.push(format!("solution: {}", path.display()));
    }
    if args.json {
        for line in &written {
            complain(line);
        }
        let text = serde_json::to_string_pretty(&solution.summary())
            .map_err(|error| Stop::Failed(format!("the result as JSON: {error}")))?;
        return print(&text);
    }
    let mut text = text::of(&solution);
    for line in &written {
        text.push_str(line);
        text.push('\n');
    }
    print(&text)
}

/// Points per coordinate, checked before the work begins.
fn counts(grid: &[usize], coordinates: usize) -> Result<Vec<usize>, Stop> {
    let counts = match grid {
        [one] => vec![*one; coordinates],
        many => many.to_vec(),
    };
    let total = counts.iter().try_fold(1usize, |a, n| a.checked_mul(*n));
    if counts.len() != coordinates || counts.contains(&0) || counts.contains(&1) {
        return Err(Stop::BadInput(format!(
            "--grid: got {grid:?}, expected one number, or one for each of {coordinates} coordinates, each 2 or more"
        )));
    }
    if total.is_none_or(|n| n > MOST_POINTS) {
        return Err(Stop::BadInput(format!(
            "--grid: got {grid:?}, expected at most {MOST_POINTS} points in all"
        )));
    }
    Ok(counts)
}

/// Coordinates and fields of every point of the grid that lies in the domain.
fn table(solution: &Solution, grid: &[usize]) -> Result<String, Stop> {
    let counts = counts(grid, solution.coordinates.len())?;
    let grid = solution.on_grid(&counts)?;
    let mut out = [&grid.coordinates[..], &grid.fields[..]].concat().join(",");
    out.push('\n');
    let mut at = vec![0usize; counts.len()];
    for row in grid.values.chunks(grid.fields.len().max(1)) {
        let place = grid
            .axes
            .iter()
            .zip(&at)
            .filter_map(|(axis, i)| axis.get(*i));
        if row.iter().all(Option::is_some) {
            let cells: Vec<String> = place
                .chain(row.iter().flatten())
                .map(ToString::to_string)
                .collect();
            out.push_str(&cells.join(","));
            out.push('\n');
        }
        for (i, n) in at.iter_mut().zip(&counts).rev() {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
    Ok(out)
}
