//! Sums of products of rows: sparse, dense, and those of the sparsity penalty.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatMut, Par};

use super::pass::{Pass, Plan};
use crate::kan::network::{Edge, Kan};

/// Adds the products of a sparse row with itself to the lower triangle.
pub(super) fn outer(
    segments: &[(usize, usize, usize)],
    values: &[f64],
    hessian: &mut MatMut<'_, f64>,
) {
    for (b, (column, width, own)) in segments.iter().enumerate() {
        for c in 0..*width {
            let factor = values[own + c];
            let Some(into) = hessian.as_mut().col_mut(column + c).try_as_col_major_mut() else {
                continue;
            };
            let into = into.as_slice_mut();
            for (row, height, from) in &segments[b..] {
                if let (Some([h0, h1, h2, h3]), Some([v0, v1, v2, v3])) = (
                    into.get_mut(*row..row + height),
                    values.get(*from..from + height),
                ) {
                    *h0 += factor * v0;
                    *h1 += factor * v1;
                    *h2 += factor * v2;
                    *h3 += factor * v3;
                } else {
                    for (h, v) in into[*row..row + height].iter_mut().zip(&values[*from..]) {
                        *h += factor * v;
                    }
                }
            }
        }
    }
}

/// Adds the products of the rows gathered so far and clears them.
pub(super) fn flush(columns: &mut Mat<f64>, filled: &mut usize, hessian: &mut MatMut<'_, f64>) {
    if *filled == 0 {
        return;
    }
    let rows = columns.as_ref().subcols(0, *filled);
    matmul(
        hessian.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        rows,
        BlockStructure::Rectangular,
        rows.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    columns.fill(0.0);
    *filled = 0;
}

/// Curvature of the sparsity penalty within each edge: `|v| <= v^2/(2 |u|) + |u|/2` with equality at `v = u`
/// (Hunter and Li, Ann. Statist. 33 (2005) 1617, eq. (3.2)). Where the penalty falls with the magnitude it adds none.
pub(super) fn bend(
    net: &Kan,
    plan: &Plan,
    pass: &Pass,
    edges: &[Vec<f64>],
    hessian: &mut MatMut<'_, f64>,
) {
    for (l, layer) in net.layers().iter().enumerate() {
        let at = &pass.layers[l];
        let n = layer.functions();
        for i in 0..layer.inputs {
            let functions = at.functions(i);
            for s in 0..layer.sums {
                let edge = i * layer.sums + s;
                let factor = edges[l][edge] / at.edges[edge].abs().max(1e-6);
                if factor.is_nan() || factor <= 0.0 || layer.edges[edge] != Edge::Trained {
                    continue;
                }
                let from = plan.starts[l] + edge * n + at.first[i];
                for a in 0..at.width.min(n - at.first[i]) {
                    for b in 0..=a {
                        hessian[(from + a, from + b)] += factor * functions[a] * functions[b];
                    }
                }
                if layer.has_base() {
                    let base = plan.starts[l] + layer.coefficients.len() + edge;
                    hessian[(base, base)] += factor * at.base[i][0] * at.base[i][0];
                }
            }
        }
    }
}
