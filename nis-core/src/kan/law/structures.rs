//! Laws that no sum and no function of a sum holds: networks with products and several hidden nodes, trained, pruned and
//! read on the training rows.

use super::choose::Chosen;
use super::data::{Scaled, Split, standard_deviation};
use super::formula::Formula;
use super::reading::{Readings, noise_floor};
use crate::error::Result;
use crate::expr::{Expr, Function};
use crate::kan::LawOptions;
use crate::kan::network::Structure;
use crate::kan::read::{
    Best, DiscoverOptions, Library, Map, Outcome, Rows, Search, constants, written,
};
use crate::optim::Random;
use crate::telemetry::Progress;

/// Inputs up to which the search is made.
const MOST_INPUTS: usize = 4;

/// Starts per network: this search is a part of a larger one.
const STARTS: usize = 2;

/// Of the training rows, one in so many chooses and does not train.
const APART: usize = 5;

/// What a search through networks with products found: the network, and its formula.
pub(super) fn search(
    scaled: &Scaled<'_>,
    split: &Split,
    options: &LawOptions,
    chosen: &Chosen,
    progress: &Progress<'_>,
) -> Result<Option<(Chosen, Readings)>> {
    let inputs = scaled.x.len();
    if options.hidden.is_some() || !(2..=MOST_INPUTS).contains(&inputs) {
        return Ok(None);
    }
    let mut order = split.train.clone();
    super::data::shuffle(&mut order, &mut Random(options.seed ^ 0xa9a7));
    let (apart, fit) = order.split_at(order.len() / APART);
    let discover = DiscoverOptions {
        starts: STARTS,
        ..DiscoverOptions::default()
    };
    let map = |a: &super::data::Affine| Map {
        middle: a.middle,
        half: a.half,
    };
    let library = Library::default();
    let rows = Rows {
        inputs: scaled
            .x
            .iter()
            .map(|x| Scaled::pick(x, &split.train))
            .collect(),
        y: Scaled::pick(&scaled.y, &split.train),
        floor: noise_floor(scaled, split),
        library: &library,
        iterations: 100,
    };
    let search = Search {
        net_inputs: scaled.maps.iter().map(map).collect(),
        target: map(&scaled.y_map),
        fit: (scaled.rows(fit), scaled.targets(fit)),
        apart: (scaled.rows(apart), scaled.targets(apart)),
        spread: standard_deviation(&scaled.targets(&split.train)),
        options: &discover,
    };
    // Sums and functions of sums were tried before; deeper networks take too long here.
    let hidden: Vec<Structure> = DiscoverOptions::usual(inputs)
        .into_iter()
        .filter(|s| s.widths.len() == 3 && s.products.iter().any(|p| !p.is_empty()))
        .collect();
    let (best, _) = search.run(&hidden, &rows, &scaled.names, progress)?;
    let Some(Best {
        outcome: Outcome::Read { sum, fit, edges },
        net,
        error,
        ..
    }) = best
    else {
        return Ok(None);
    };
    // In the learned scale, in terms of the quantities.
    let leaf = |name: &&str| {
        let name = Expr::name(*name);
        if scaled.logarithmic {
            name.call(Function::Log)
        } else {
            Ok(name)
        }
    };
    let leaves = scaled.names.iter().map(leaf).collect::<Result<Vec<_>>>()?;
    let inside = written(&sum, &library, &leaves, &edges)?;
    let mut learned = vec![0.0; scaled.y.len()];
    inside
        .compile(&scaled.names)?
        .evaluate(&scaled.inputs, &mut learned)?;
    if learned.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    let expr = if scaled.logarithmic {
        inside.call(Function::Exp)?.simplify()?
    } else {
        inside
    };
    let formula = Formula {
        expr,
        constants: constants(&sum, &fit, &library, &scaled.names, &edges),
        learned,
        sum_squares: fit.sum_squares,
        k: sum.free(),
    };
    let mut read: Vec<Vec<Option<(String, f64)>>> = net
        .layers
        .iter()
        .map(|l| vec![None; l.inputs * l.sums])
        .collect();
    for edge in &edges {
        if let Some(fit) = edge.fit() {
            let place = net.layers[edge.layer].edge(edge.input, edge.sum);
            read[edge.layer][place] = Some((fit.expr.rounded(4).to_string(), fit.r2));
        }
    }
    let found = Chosen::found(net, chosen, 1.0 - error * error);
    Ok(Some((
        found,
        Readings {
            formula: Some(formula),
            edges: read,
        },
    )))
}
