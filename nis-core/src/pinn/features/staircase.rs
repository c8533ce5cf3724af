//! Least squares for pieces that touch only their neighbours: rows of one piece, and links between one and the next.

use faer::Mat;
use faer::linalg::solvers::Qr;

use crate::error::{Error, Result};

/// Rows of one piece: `matrix x = right` for its unknowns.
pub(super) struct Own {
    pub(super) matrix: Mat<f64>,
    pub(super) right: Vec<f64>,
}

/// Rows between a piece and the next: `left x - next y = right`.
pub(super) struct Link {
    pub(super) left: Mat<f64>,
    pub(super) next: Mat<f64>,
    pub(super) right: Vec<f64>,
}

/// What is kept of a piece that was eliminated: the upper triangle, the coupling to the next and to the last piece,
/// the right-hand side.
struct Done {
    rows: Mat<f64>,
}

fn copy(into: &mut Mat<f64>, from: &Mat<f64>, (row, column): (usize, usize), sign: f64) {
    for k in 0..from.ncols() {
        let to = &mut into.col_as_slice_mut(column + k)[row..row + from.nrows()];
        for (to, v) in to.iter_mut().zip(from.col_as_slice(k)) {
            *to = sign * v;
        }
    }
}

/// Solves by orthogonal elimination of one piece after the other (the block angular QR of Golub, Plemmons and Sameh,
/// "Parallel block schemes for large-scale least-squares computations", 1988). `links[k]` is between piece `k` and
/// `k + 1`; one more link, from the last to the first, closes a circle. All pieces have the same number of unknowns.
/// Gives the unknowns of every piece and the norm of what is left. Costs `O(rows n^2)` per piece.
///
/// # Errors
/// [`Error::Numerical`] where a value is not finite or a piece is not determined.
pub(super) fn solve(own: &[Own], links: &[Link]) -> Result<(Vec<Vec<f64>>, f64)> {
    let pieces = own.len();
    let n = own.first().map_or(0, |o| o.matrix.ncols());
    let circle = pieces > 1 && links.len() == pieces;
    let fits = own.iter().all(|o| o.matrix.ncols() == n)
        && (circle || links.len() + 1 == pieces)
        && links
            .iter()
            .all(|l| l.left.ncols() == n && l.next.ncols() == n);
    if !fits {
        return Err(Error::Internal {
            message: format!("{} links between {pieces} pieces", links.len()),
        });
    }
    // Columns: this piece, the next, the last (where a circle), the right-hand side.
    let border = 2 * n;
    let width = if circle { 3 * n } else { 2 * n };
    let mut carried = Mat::<f64>::zeros(0, width + 1);
    if circle {
        // The link from the last piece to the first, seen from the first.
        let link = &links[pieces - 1];
        carried = Mat::zeros(link.right.len(), width + 1);
        copy(&mut carried, &link.left, (0, border), 1.0);
        copy(&mut carried, &link.next, (0, 0), -1.0);
        carried.col_as_slice_mut(width).copy_from_slice(&link.right);
    }
    let mut done: Vec<Done> = Vec::with_capacity(pieces);
    let mut rest = 0.0;
    for (k, piece) in own.iter().enumerate() {
        let last = k + 1 == pieces;
        let link = links.get(k).filter(|_| !last);
        let rows = carried.nrows() + piece.right.len() + link.map_or(0, |l| l.right.len());
        let mut front = Mat::<f64>::zeros(rows.max(n), width + 1);
        copy(&mut front, &carried, (0, 0), 1.0);
        let mut row = carried.nrows();
        copy(&mut front, &piece.matrix, (row, 0), 1.0);
        front.col_as_slice_mut(width)[row..row + piece.right.len()].copy_from_slice(&piece.right);
        row += piece.right.len();
        if let Some(link) = link {
            copy(&mut front, &link.left, (row, 0), 1.0);
            // The next piece may be the last one of a circle: it has its own columns.
            let place = if circle && k + 2 == pieces { border } else { n };
            copy(&mut front, &link.next, (row, place), -1.0);
            front.col_as_slice_mut(width)[row..row + link.right.len()].copy_from_slice(&link.right);
        }
        if !front.is_all_finite() {
            return Err(Error::numerical("least squares by pieces", "not finite"));
        }
        if circle && last {
            // The own columns of the last piece are those of the border; they hold nothing in the first columns.
            for j in 0..n {
                let own: Vec<f64> = front.col_as_slice(j).to_vec();
                for (to, v) in front.col_as_slice_mut(border + j).iter_mut().zip(&own) {
                    *to += v;
                }
                front.col_as_slice_mut(j).fill(0.0);
            }
            let mut square = Mat::zeros(front.nrows(), n + 1);
            for j in 0..=n {
                square
                    .col_as_slice_mut(j)
                    .copy_from_slice(front.col_as_slice(border + j));
            }
            front = square;
        }
        let qr = Qr::new(front.as_ref());
        let r = qr.thin_R();
        let kept = n.min(r.nrows());
        done.push(Done {
            rows: Mat::from_fn(kept, r.ncols(), |i, j| r[(i, j)]),
        });
        if last {
            rest = (kept..r.nrows())
                .map(|i| r[(i, r.ncols() - 1)].powi(2))
                .sum::<f64>()
                .sqrt();
        } else {
            // What is left holds nothing of this piece: the next one moves to the front.
            carried = Mat::from_fn(r.nrows() - kept, width + 1, |i, j| match j {
                j if j < n => r[(kept + i, n + j)],
                j if j < 2 * n => 0.0,
                j => r[(kept + i, j)],
            });
        }
    }
    let x = back(&done, n, circle)?;
    Ok((x, rest))
}

fn back(done: &[Done], n: usize, circle: bool) -> Result<Vec<Vec<f64>>> {
    let pieces = done.len();
    let mut x = vec![vec![0.0; n]; pieces];
    for k in (0..pieces).rev() {
        let rows = &done[k].rows;
        let right = rows.ncols() - 1;
        let own = k + 1 == pieces;
        for i in (0..n).rev() {
            let mut sum = rows[(i, right)];
            for j in i + 1..n {
                sum -= rows[(i, j)] * x[k][j];
            }
            if !own {
                if k + 2 < pieces || !circle {
                    for (j, v) in x[k + 1].iter().enumerate() {
                        sum -= rows[(i, n + j)] * v;
                    }
                }
                if circle {
                    for (j, v) in x[pieces - 1].iter().enumerate() {
                        sum -= rows[(i, 2 * n + j)] * v;
                    }
                }
            }
            let pivot = rows[(i, i)];
            if pivot == 0.0 || !(sum / pivot).is_finite() {
                return Err(Error::numerical(
                    "least squares by pieces",
                    format!("unknown {i} of piece {k} is not determined"),
                ));
            }
            x[k][i] = sum / pivot;
        }
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Random, least_squares};

    #[test]
    fn it_is_the_least_squares_solution_of_the_whole() {
        let (n, rows, ties) = (3, 5, 2);
        for pieces in [1, 2, 3, 5] {
            for circle in [false, true] {
                if circle && pieces < 2 {
                    continue;
                }
                let mut random = Random(pieces as u64);
                let mut matrix = |m| Mat::from_fn(m, n, |_, _| random.symmetric());
                let count = if circle { pieces } else { pieces - 1 };
                let parts: Vec<Mat<f64>> = (0..pieces).map(|_| matrix(rows)).collect();
                let sides: Vec<[Mat<f64>; 2]> =
                    (0..count).map(|_| [matrix(ties), matrix(ties)]).collect();
                let mut right = |m| -> Vec<f64> { (0..m).map(|_| random.symmetric()).collect() };
                let total = pieces * rows + count * ties;
                let b = right(total);
                let mut whole = Mat::zeros(total, pieces * n);
                for (k, part) in parts.iter().enumerate() {
                    copy(&mut whole, part, (k * rows, k * n), 1.0);
                }
                for (k, [left, next]) in sides.iter().enumerate() {
                    let row = pieces * rows + k * ties;
                    copy(&mut whole, left, (row, k * n), 1.0);
                    copy(&mut whole, next, (row, (k + 1) % pieces * n), -1.0);
                }
                let exact = least_squares(whole.as_ref(), &b).unwrap();
                let own: Vec<Own> = parts
                    .into_iter()
                    .enumerate()
                    .map(|(k, matrix)| Own {
                        matrix,
                        right: b[k * rows..(k + 1) * rows].to_vec(),
                    })
                    .collect();
                let links: Vec<Link> = sides
                    .into_iter()
                    .enumerate()
                    .map(|(k, [left, next])| Link {
                        left,
                        next,
                        right: b[pieces * rows + k * ties..][..ties].to_vec(),
                    })
                    .collect();
                let (x, rest) = solve(&own, &links).unwrap();
                for (a, b) in x.iter().flatten().zip(&exact.coefficients) {
                    assert!((a - b).abs() < 1e-11, "{pieces} {circle}");
                }
                // What earlier pieces leave behind is carried to the end.
                assert!((rest - exact.sum_squares.sqrt()).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn what_is_not_determined_is_an_error() {
        let own = [Own {
            matrix: Mat::zeros(4, 2),
            right: vec![1.0; 4],
        }];
        assert!(solve(&own, &[]).is_err());
        let own = [Own {
            matrix: Mat::from_fn(2, 2, |_, _| f64::NAN),
            right: vec![1.0; 2],
        }];
        assert!(solve(&own, &[]).is_err());
    }
}
