//! What a fit begins with: grids of a stage, held-out rows, the method.

use super::checkpoint::Checkpoint;
use super::options::{FitOptions, Method};
use super::problem::{Data, row_entries};
use crate::error::{Error, Result};
use crate::kan::network::Kan;
use crate::optim::Random;

/// Grids reach beyond the samples by this share of their width.
const MARGIN: f64 = 0.01;

/// Fewest rows worth holding out.
const FEWEST_HELD: usize = 3;

/// Most parameters of Levenberg-Marquardt, and most multiplications of its iteration, where the method is chosen.
const MOST_LM: usize = 3000;
const MOST_LM_WORK: f64 = 2e10;

/// Most rows times outputs of L-BFGS where the method is chosen.
const MOST_LBFGS: usize = 20_000;

/// Most bytes of the matrices of Levenberg-Marquardt.
const MOST_BYTES: usize = 4 << 30;

/// The network on the grid of the stage.
pub(super) fn on_grid(
    net: &Kan,
    state: &Checkpoint,
    data: &Data<'_>,
    train: &[usize],
) -> Result<Kan> {
    let cells = state.grids[state.stage];
    let mut net = net.clone();
    if state.options.update_grid {
        let n = net.inputs();
        let stride = train.len().div_ceil(20_000).max(1);
        let rows = train.iter().step_by(stride);
        let x: Vec<f64> = rows
            .flat_map(|r| data.x[r * n..(r + 1) * n].iter().copied())
            .collect();
        // Before the first stage the values of hidden nodes are those of the random start.
        let count = if state.stage == 0 {
            1
        } else {
            net.layers().len()
        };
        net.follow_first(count, &x, Some(cells), state.options.adaptive, MARGIN)?;
    } else if !state.options.grids.is_empty() {
        net = net.refined(cells)?;
    }
    Ok(net)
}

/// Training rows and held-out rows, both rising.
pub(super) fn split(rows: usize, options: &FitOptions) -> (Vec<usize>, Vec<usize>) {
    let held = (rows as f64 * options.holdout) as usize;
    if held < FEWEST_HELD {
        return ((0..rows).collect(), Vec::new());
    }
    let mut order: Vec<usize> = (0..rows).collect();
    let mut random = Random(options.seed ^ 0x5e_1d00);
    for i in 0..held {
        order.swap(i, i + random.below(rows - i));
    }
    let mut train = order.split_off(held);
    train.sort_unstable();
    order.sort_unstable();
    (train, order)
}

pub(super) fn choose(net: &Kan, options: &FitOptions, rows: usize) -> Method {
    if options.method != Method::Auto {
        return options.method;
    }
    let cells = options.grids.iter().copied().max();
    let growth = |l: &crate::kan::Layer| {
        cells.map_or(1.0, |c| {
            (c + l.basis(0).order()) as f64 / l.functions() as f64
        })
    };
    let parameters: f64 = net
        .layers()
        .iter()
        .map(|l| l.parameters() as f64 * growth(l))
        .sum();
    let entries = row_entries(net) as f64;
    let values = (rows * net.outputs()) as f64;
    let work = 0.5 * values * entries * entries + parameters.powi(3) / 3.0;
    if parameters <= MOST_LM as f64 && work <= MOST_LM_WORK {
        Method::LevenbergMarquardt
    } else if rows * net.outputs() <= MOST_LBFGS {
        Method::Lbfgs
    } else {
        Method::Adam
    }
}

/// # Errors
/// [`Error::Limit`] where the matrices of Levenberg-Marquardt would take over 4 GiB.
pub(super) fn check_memory(net: &Kan, options: &FitOptions) -> Result<()> {
    let p = net.parameters();
    let bytes = p
        .saturating_mul(p)
        .saturating_mul(8 * (2 + options.threads));
    if options.method == Method::LevenbergMarquardt && bytes > MOST_BYTES {
        return Err(Error::Limit {
            what: "bytes of the matrices of Levenberg-Marquardt".into(),
            limit: MOST_BYTES as u64,
            got: bytes as u64,
        });
    }
    Ok(())
}
