//! Back substitution in a real Schur form, at many points together.

use faer::Mat;
use num_complex::Complex64;

use super::schur::RealSchur;
use crate::laplace::wide::{Kernel, widest};

/// Points that are worked on together.
pub(super) const POINTS: usize = 16;

type Lanes = [f64; POINTS];

/// `C (s I - S)^-1 B + D` with `S` quasi upper triangular.
#[derive(Debug)]
pub(super) struct Quasi {
    order: usize,
    inputs: usize,
    outputs: usize,
    /// From the last to the first.
    blocks: Vec<Block>,
    /// `B` by columns, `C` by rows.
    b: Vec<f64>,
    c: Vec<f64>,
}

/// A diagonal block of one or two rows.
#[derive(Debug)]
struct Block {
    at: usize,
    /// Its own entries: `[t]`, or by rows.
    own: Vec<f64>,
    /// Its eigenvalues, where there are two.
    pair: Option<[Complex64; 2]>,
    /// What lies right of it, one after the other of its rows for each column.
    right: Vec<f64>,
}

impl Quasi {
    pub(super) fn new(schur: &RealSchur, b: &Mat<f64>, c: &Mat<f64>) -> Self {
        let s = &schur.s;
        let n = s.nrows();
        let mut blocks = Vec::new();
        let mut end = n;
        while end > 0 {
            let two = end > 1 && s[(end - 1, end - 2)] != 0.0;
            let rows = if two { 2 } else { 1 };
            let at = end - rows;
            let square = |i: usize| s[(at + i / rows, at + i % rows)];
            blocks.push(Block {
                at,
                own: (0..rows * rows).map(square).collect(),
                pair: two.then(|| eigenvalues(std::array::from_fn(square))),
                right: (end..n)
                    .flat_map(|k| (at..end).map(move |i| s[(i, k)]))
                    .collect(),
            });
            end = at;
        }
        let (b, c) = (schur.inputs(b), schur.outputs(c));
        Quasi {
            order: n,
            inputs: b.ncols(),
            outputs: c.nrows(),
            blocks,
            b: (0..b.ncols())
                .flat_map(|j| (0..n).map(move |i| (i, j)))
                .map(|at| b[at])
                .collect(),
            c: (0..c.nrows())
                .flat_map(|i| (0..n).map(move |j| (i, j)))
                .map(|at| c[at])
                .collect(),
        }
    }

    /// `H - D` at no more than [`POINTS`] points, cell by cell; whether all denominators were in range. Costs `2 n^2`
    /// operations per input and point.
    pub(super) fn evaluate(&self, s: &[Complex64], work: &mut Work) -> bool {
        let last = s.last().copied().unwrap_or_default();
        work.s = [[last.re; POINTS], [last.im; POINTS]];
        for (j, s) in s.iter().take(POINTS).enumerate() {
            work.s[0][j] = s.re;
            work.s[1][j] = s.im;
        }
        work.x.resize(self.order, [[0.0; POINTS]; 2]);
        work.out
            .resize(self.inputs * self.outputs, [[0.0; POINTS]; 2]);
        widest(Solve(self, work))
    }
}

/// Points, states and results of one evaluation.
pub(super) struct Work {
    s: [Lanes; 2],
    x: Vec<[Lanes; 2]>,
    /// Real and imaginary parts of each cell.
    pub(super) out: Vec<[Lanes; 2]>,
}

impl Work {
    pub(super) fn new() -> Self {
        Work {
            s: [[0.0; POINTS]; 2],
            x: Vec::new(),
            out: Vec::new(),
        }
    }
}

/// Squares of denominators in this range have reciprocals that lose nothing.
const RANGE: std::ops::Range<f64> = 1e-280..1e280;

struct Solve<'a>(&'a Quasi, &'a mut Work);

impl Kernel for Solve<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Solve(quasi, Work { s, x, out }) = self;
        let n = quasi.order;
        let mut range = true;
        for input in 0..quasi.inputs {
            let b = &quasi.b[input * n..(input + 1) * n];
            for block in &quasi.blocks {
                range &= match block.pair {
                    None => single(block, b, s, x),
                    Some(pair) => double(block, pair, b, s, x),
                };
            }
            for output in 0..quasi.outputs {
                let (mut re, mut im) = ([0.0; POINTS], [0.0; POINTS]);
                let c = &quasi.c[output * n..(output + 1) * n];
                for (c, [xr, xi]) in c.iter().zip(x.iter()) {
                    for j in 0..POINTS {
                        re[j] += c * xr[j];
                        im[j] += c * xi[j];
                    }
                }
                out[output * quasi.inputs + input] = [re, im];
            }
        }
        range
    }
}

#[inline(always)]
fn single(block: &Block, b: &[f64], s: &[Lanes; 2], x: &mut [[Lanes; 2]]) -> bool {
    let i = block.at;
    let (mut ar, mut ai) = ([b[i]; POINTS], [0.0; POINTS]);
    for (t, [xr, xi]) in block.right.iter().zip(&x[i + 1..]) {
        for j in 0..POINTS {
            ar[j] += t * xr[j];
            ai[j] += t * xi[j];
        }
    }
    let mut range = true;
    let [xr, xi] = &mut x[i];
    for j in 0..POINTS {
        let (dr, di) = (s[0][j] - block.own[0], s[1][j]);
        let square = dr * dr + di * di;
        range &= RANGE.contains(&square);
        let q = 1.0 / square;
        xr[j] = (ar[j] * dr + ai[j] * di) * q;
        xi[j] = (ai[j] * dr - ar[j] * di) * q;
    }
    range
}

/// `[s - a, -b; -c, s - d]^-1`, with its determinant as the product of the distances to the eigenvalues, which does
/// not cancel beside them.
#[inline(always)]
fn double(
    block: &Block,
    pair: [Complex64; 2],
    b: &[f64],
    s: &[Lanes; 2],
    x: &mut [[Lanes; 2]],
) -> bool {
    let i = block.at;
    let (mut ar, mut ai) = ([b[i]; POINTS], [0.0; POINTS]);
    let (mut er, mut ei) = ([b[i + 1]; POINTS], [0.0; POINTS]);
    for (t, [xr, xi]) in block.right.chunks_exact(2).zip(&x[i + 2..]) {
        let (t, u) = (t[0], t[1]);
        for j in 0..POINTS {
            ar[j] += t * xr[j];
            ai[j] += t * xi[j];
            er[j] += u * xr[j];
            ei[j] += u * xi[j];
        }
    }
    let own = [block.own[0], block.own[1], block.own[2], block.own[3]];
    let mut range = true;
    let (upper, lower) = x.split_at_mut(i + 1);
    let ([xr, xi], [yr, yi]) = (&mut upper[i], &mut lower[0]);
    for j in 0..POINTS {
        let (sr, si) = (s[0][j], s[1][j]);
        let (fr, fi) = (sr - pair[0].re, si - pair[0].im);
        let (gr, gi) = (sr - pair[1].re, si - pair[1].im);
        let (dr, di) = (fr * gr - fi * gi, fr * gi + fi * gr);
        let square = dr * dr + di * di;
        range &= RANGE.contains(&square);
        let q = 1.0 / square;
        // ((s - d) a + b e)/det and ((s - a) e + c a)/det
        let (u, v) = (sr - own[3], sr - own[0]);
        let nr = u * ar[j] - si * ai[j] + own[1] * er[j];
        let ni = u * ai[j] + si * ar[j] + own[1] * ei[j];
        let mr = v * er[j] - si * ei[j] + own[2] * ar[j];
        let mi = v * ei[j] + si * er[j] + own[2] * ai[j];
        xr[j] = (nr * dr + ni * di) * q;
        xi[j] = (ni * dr - nr * di) * q;
        yr[j] = (mr * dr + mi * di) * q;
        yi[j] = (mi * dr - mr * di) * q;
    }
    range
}

/// Eigenvalues of `[a b; c d]`, as a conjugate pair or by decreasing distance from `d`.
pub(super) fn eigenvalues([a, b, c, d]: [f64; 4]) -> [Complex64; 2] {
    let half = 0.5 * (a - d);
    let mean = 0.5 * (a + d);
    let product = half * half + b * c;
    if product < 0.0 {
        let w = (-product).sqrt();
        return [Complex64::new(mean, w), Complex64::new(mean, -w)];
    }
    let r = half + half.signum() * product.sqrt();
    let other = if r == 0.0 { 0.0 } else { -b * c / r };
    [Complex64::from(d + r), Complex64::from(d + other)]
}
