//! Conversion between pole-residue and state-space form.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::StateSpace;
use super::chain::{Chain, chains};
use super::frequency::Triangular;
use crate::error::{Error, Result};
use crate::laplace::{PoleResidue, Term};
use crate::telemetry::Progress;

/// A pole-residue form made from matrices, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModalForm {
    /// The system.
    pub system: PoleResidue,
    /// Largest relative difference of `H` between the two forms over the points where they were compared: right
    /// of each pole at the distance of its mirror image and beside the imaginary axis, as far as rounding of
    /// the matrices leaves `H` determined there.
    pub error: f64,
    /// How many eigenvalues were taken together for each pole of `system`, in the order of its distinct
    /// poles. A group of `m` has terms of powers 1 to `m` at its mean.
    pub groups: Vec<usize>,
}

/// Relative size below which a singular value of a residue matrix is rounding.
const NEGLIGIBLE: f64 = 1e-16;

/// Share of `H` below which a power of a repeated pole is rounding of the decomposition.
const ROUNDING: f64 = 1e-14;

impl PoleResidue {
    /// A state-space form with real blocks `[re -im; im re]` for pairs of poles: `x` has `rank(R_k)` states,
    /// twice as many for a pair, for each simple pole and `min(inputs, outputs)` times as many for each power
    /// of a repeated one.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is a linear term `s E`, which no state-space system has;
    /// [`Error::Limit`] above 5000 states.
    pub fn to_state_space(&self) -> Result<StateSpace> {
        self.check()?;
        self.proper("a state-space form")?;
        let mut blocks = Vec::new();
        for chain in chains(self) {
            blocks.push(Block::new(&chain, self.outputs, self.inputs)?);
        }
        let n: usize = blocks.iter().map(Block::states).sum();
        super::state_space::check_states(n)?;
        let (mut a, mut b) = (Mat::zeros(n, n), Mat::zeros(n, self.inputs));
        let mut c = Mat::zeros(self.outputs, n);
        let mut at = 0;
        for block in &blocks {
            block.write(at, &mut a, &mut b, &mut c);
            at += block.states();
        }
        let d = super::dense::from_rows(self.outputs, self.inputs, &self.direct);
        Ok(StateSpace::from_mats(&a, &b, &c, &d, None))
    }

    /// Refuses a system with a linear term.
    pub(super) fn proper(&self, what: &str) -> Result<()> {
        match self.linear.iter().position(|e| *e != 0.0) {
            Some(at) => Err(Error::invalid(
                format!("linear[{at}]"),
                self.linear[at],
                format!("no linear term for {what}"),
            )),
            None => Ok(()),
        }
    }
}

/// Complex states `z' = p z + N z + b u`, `y = Re(c z)` of one chain.
struct Block {
    pole: Complex64,
    /// States of one power.
    width: usize,
    depth: usize,
    /// Whether power `l` feeds power `l + 1` (inputs enter at the first) or the other way round.
    b: Mat<Complex64>,
    c: Mat<Complex64>,
}

impl Block {
    fn new(chain: &Chain, outputs: usize, inputs: usize) -> Result<Self> {
        let depth = chain.depth;
        let residue = |l: usize, o: usize, i: usize| chain.residues[(o * inputs + i) * depth + l];
        if depth == 1 {
            let r = Mat::from_fn(outputs, inputs, |o, i| residue(0, o, i));
            let svd = r.thin_svd().map_err(|_| {
                Error::numerical("state-space form", "the SVD of a residue did not converge")
            })?;
            let sigma: Vec<f64> = (0..outputs.min(inputs)).map(|k| svd.S()[k].re).collect();
            let least = sigma.first().copied().unwrap_or(0.0) * NEGLIGIBLE;
            let width = sigma.iter().filter(|s| **s > least).count();
            let root = |k: usize| sigma[k].sqrt();
            return Ok(Block {
                pole: chain.pole,
                width,
                depth,
                b: Mat::from_fn(width, inputs, |k, i| svd.V()[(i, k)].conj() * root(k)),
                c: Mat::from_fn(outputs, width, |o, k| svd.U()[(o, k)] * root(k)),
            });
        }
        // Powers: state l holds u/(s - p)^(l + 1) of each input, or the dual of that for each output.
        let unit = |hit: bool| Complex64::from(f64::from(u8::from(hit)));
        let width = inputs.min(outputs);
        let states = width * depth;
        let (b, c) = if inputs <= outputs {
            (
                Mat::from_fn(states, inputs, |k, i| unit(k == i)),
                Mat::from_fn(outputs, states, |o, k| residue(k / width, o, k % width)),
            )
        } else {
            (
                Mat::from_fn(states, inputs, |k, i| {
                    residue(depth - 1 - k / width, k % width, i)
                }),
                Mat::from_fn(outputs, states, |o, k| unit(k == o + (depth - 1) * width)),
            )
        };
        Ok(Block {
            pole: chain.pole,
            width,
            depth,
            b,
            c,
        })
    }

    fn real(&self) -> bool {
        self.pole.im == 0.0
    }

    fn states(&self) -> usize {
        self.width * self.depth * if self.real() { 1 } else { 2 }
    }

    fn write(&self, at: usize, a: &mut Mat<f64>, b: &mut Mat<f64>, c: &mut Mat<f64>) {
        let parts = if self.real() { 1 } else { 2 };
        for k in 0..self.width * self.depth {
            let row = at + parts * k;
            for part in 0..parts {
                a[(row + part, row + part)] = self.pole.re;
                if k >= self.width {
                    a[(row + part, row + part - parts * self.width)] = 1.0;
                }
                for i in 0..b.ncols() {
                    let value = self.b[(k, i)];
                    b[(row + part, i)] = if part == 0 { value.re } else { value.im };
                }
                for o in 0..c.nrows() {
                    let value = self.c[(o, k)];
                    c[(o, row + part)] = if part == 0 { value.re } else { -value.im };
                }
            }
            if parts == 2 {
                a[(row, row + 1)] = -self.pole.im;
                a[(row + 1, row)] = self.pole.im;
            }
        }
    }
}

/// Points where two forms of a system are compared: right of each pole at the distance of its mirror image, and
/// beside the imaginary axis over the range of the poles.
pub(super) fn test_points(poles: &[Complex64]) -> Vec<Complex64> {
    let mut points: Vec<Complex64> = poles
        .iter()
        .map(|p| Complex64::new(p.re.abs().max(0.01 * p.norm()), p.im.abs()))
        .filter(|s| s.norm() > 0.0)
        .collect();
    let sizes = || poles.iter().map(|p| p.norm()).filter(|r| *r > 0.0);
    let (low, high) = (
        sizes().fold(f64::INFINITY, f64::min),
        sizes().fold(0.0, f64::max),
    );
    let (low, high) = if high > 0.0 { (low, high) } else { (1.0, 1.0) };
    for k in 0..=16 {
        let r = 0.1 * low * (10.0 * high / low).powf(f64::from(k) / 16.0);
        points.push(Complex64::new(0.05 * r, r));
    }
    points
}

/// Distances, relative to the eigenvalues or to the largest of them, within which eigenvalues are tried as one
/// repeated pole.
const RADII: [f64; 11] = [
    0.0, 1e-13, 1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 5e-2,
];

impl StateSpace {
    /// The pole-residue form of a continuous system, by block diagonalisation of the Schur form (Bavely and
    /// Stewart 1979).
    ///
    /// Eigenvalues that lie so close together that their separate residues would cancel are taken together as
    /// one repeated pole at their mean, with a term for each power: a computed repeated eigenvalue scatters by
    /// the `m`-th root of rounding, its mean does not. Groups of growing radius are tried and that with the
    /// least difference from the state-space form is taken.
    ///
    /// # Errors
    /// [`Error::Numerical`], with the difference reached, where it is above `tolerance` (1e-9 is a fair
    /// choice); [`Error::InvalidInput`] for a discrete system or parts that do not fit.
    pub fn to_pole_residue(&self, tolerance: f64) -> Result<ModalForm> {
        self.check()?;
        self.continuous("the pole-residue form")?;
        if tolerance.is_nan() || tolerance <= 0.0 {
            return Err(Error::invalid("tolerance", tolerance, "a positive number"));
        }
        let triangular = Triangular::new(self)?;
        let eigenvalues = triangular.schur().eigenvalues();
        // Where rounding of A alone moves H by more than the tolerance, there is nothing to compare with.
        let points: Vec<Complex64> = test_points(&eigenvalues)
            .into_iter()
            .filter(|s| triangular.sensitivity(*s) <= 0.1 * tolerance)
            .collect();
        if points.is_empty() && self.states > 0 {
            return Err(Error::numerical(
                "pole-residue form",
                format!(
                    "H is not determined to {tolerance:.1e} by the matrices at any of the points compared"
                ),
            ));
        }
        let expected = triangular.evaluate(&points, &Progress::none())?;
        let largest = eigenvalues.iter().map(|e| e.norm()).fold(0.0, f64::max);
        let mut best: Option<ModalForm> = None;
        let mut tried: Vec<Vec<usize>> = Vec::new();
        let enough = 1e-14 * (1.0 + self.states as f64);
        for global in [false, true] {
            for radius in RADII {
                let floor = if global { largest } else { 0.0 };
                let group = cluster(&eigenvalues, radius, floor);
                if tried.contains(&group) {
                    continue;
                }
                let form = self.grouped(&triangular, &group, &points, &expected);
                tried.push(group);
                if form.error <= best.as_ref().map_or(f64::INFINITY, |b| b.error) {
                    let done = form.error <= enough;
                    best = Some(form);
                    if done {
                        return best.ok_or_else(no_form);
                    }
                }
            }
        }
        match best {
            Some(form) if form.error <= tolerance => Ok(form),
            Some(form) => Err(Error::numerical(
                "pole-residue form",
                format!(
                    "eigenvalues too close together to separate: the best grouping differs from the \
                     state-space form by {:.1e} of H, tolerance {tolerance:.1e}; stay in state-space form",
                    form.error
                ),
            )),
            None => Err(no_form()),
        }
    }

    /// The form where the eigenvalues of each group are one pole.
    fn grouped(
        &self,
        triangular: &Triangular,
        group: &[usize],
        points: &[Complex64],
        expected: &[Complex64],
    ) -> ModalForm {
        let mut schur = triangular.schur().clone();
        schur.sort_by_rank(group);
        let count = group.iter().max().map_or(0, |g| g + 1);
        let mut sizes = vec![0; count];
        for g in group {
            sizes[*g] += 1;
        }
        let v = schur.block_basis(&sizes);
        let n = self.states;
        // V^-1 X^-1 B by back substitution, C X V.
        let mut b = schur.inputs(self.mat_b().as_ref());
        for j in 0..self.inputs {
            for i in (0..n).rev() {
                let mut sum = b[(i, j)];
                for k in i + 1..n {
                    sum -= v[(i, k)] * b[(k, j)];
                }
                b[(i, j)] = sum;
            }
        }
        let c = schur.outputs(self.mat_c().as_ref()) * &v;
        let mut blocks: Vec<Group> = Vec::new();
        let mut start = 0;
        for size in &sizes {
            let end = start + size;
            let members: Vec<Complex64> = (start..end).map(|i| schur.t[(i, i)]).collect();
            let mut mean = members.iter().sum::<Complex64>() / *size as f64;
            if members
                .iter()
                .any(|m| Some(m.conj()) == members.first().copied())
            {
                mean.im = 0.0;
            }
            let mut x = Mat::from_fn(*size, self.inputs, |i, j| b[(start + i, j)]);
            let mut residues = Vec::new();
            for _ in 0..*size {
                let r = (0..self.outputs * self.inputs).map(|cell| {
                    let (o, j) = (cell / self.inputs, cell % self.inputs);
                    (0..*size).map(|i| c[(o, start + i)] * x[(i, j)]).sum()
                });
                residues.push(r.collect::<Vec<Complex64>>());
                x = Mat::from_fn(*size, self.inputs, |i, j| {
                    let shifted = |k: usize| {
                        schur.t[(start + i, start + k)]
                            - if i == k { mean } else { Complex64::default() }
                    };
                    (i..*size).map(|k| shifted(k) * x[(k, j)]).sum()
                });
            }
            blocks.push(Group {
                mean,
                members,
                residues,
            });
            start = end;
        }
        let scale: Vec<f64> = expected.iter().map(|h| h.norm()).collect();
        let (terms, groups) = real_terms(&blocks, points, &scale);
        let system = PoleResidue {
            outputs: self.outputs,
            inputs: self.inputs,
            terms,
            direct: self.d.clone(),
            linear: Vec::new(),
        };
        let error = difference(&system, points, expected);
        ModalForm {
            system,
            error,
            groups,
        }
    }
}

fn no_form() -> Error {
    Error::numerical(
        "pole-residue form",
        "no grouping of the eigenvalues gave finite residues",
    )
}

/// Largest relative difference of `H`, over all cells of a point together; NaN becomes infinite.
fn difference(system: &PoleResidue, points: &[Complex64], expected: &[Complex64]) -> f64 {
    let cells = system.outputs * system.inputs;
    let mut worst = 0.0f64;
    for (k, s) in points.iter().enumerate() {
        let (mut error, mut size) = (0.0f64, 0.0f64);
        for (cell, h) in system.evaluate(*s).iter().enumerate() {
            let expected = expected[cell * points.len() + k];
            error = error.hypot((h - expected).norm());
            size = size.hypot(expected.norm());
        }
        let relative = if error == 0.0 { 0.0 } else { error / size };
        worst = if relative.is_nan() {
            f64::INFINITY
        } else {
            worst.max(relative)
        };
    }
    if cells == 0 { f64::INFINITY } else { worst }
}

/// Eigenvalues that are taken as one pole, and the residues of its powers.
struct Group {
    mean: Complex64,
    members: Vec<Complex64>,
    residues: Vec<Vec<Complex64>>,
}

/// Terms of a real system from blocks that come in conjugate pairs: those of a pair are averaged, powers that
/// do not matter at any point are left out. Also the number of eigenvalues of each pole that is kept.
fn real_terms(blocks: &[Group], points: &[Complex64], scale: &[f64]) -> (Vec<Term>, Vec<usize>) {
    let least = |pole: Complex64, power: i32| {
        points
            .iter()
            .enumerate()
            .map(|(k, s)| {
                let h = scale.iter().skip(k).step_by(points.len());
                h.fold(0.0, |sum: f64, h| sum.hypot(*h)) * (s - pole).norm().powi(power)
            })
            .fold(f64::INFINITY, f64::min)
    };
    let (mut terms, mut groups) = (Vec::new(), Vec::new());
    for Group {
        mean: pole,
        members,
        residues,
    } in blocks
    {
        if pole.im < 0.0 {
            continue;
        }
        let mirrored = members.first().map(Complex64::conj);
        let twin = blocks
            .iter()
            .find(|g| g.members.iter().any(|m| Some(*m) == mirrored));
        groups.push(residues.len());
        for (l, residue) in residues.iter().enumerate() {
            let power = l as i32 + 1;
            let residue: Vec<Complex64> = residue
                .iter()
                .enumerate()
                .map(|(cell, r)| match twin.and_then(|g| g.residues.get(l)) {
                    Some(other) if pole.im > 0.0 => 0.5 * (r + other[cell].conj()),
                    _ => Complex64::from(r.re),
                })
                .collect();
            let size = residue.iter().fold(0.0, |sum: f64, r| sum.hypot(r.norm()));
            if l > 0 && size <= ROUNDING * least(*pole, power) {
                continue;
            }
            terms.push(Term {
                pole: *pole,
                power: power as u32,
                residue,
            });
        }
    }
    (terms, groups)
}

/// Numbers the groups of eigenvalues that hang together by distances up to `radius` of the larger one or of
/// `floor`.
fn cluster(eigenvalues: &[Complex64], radius: f64, floor: f64) -> Vec<usize> {
    let n = eigenvalues.len();
    let mut group: Vec<usize> = (0..n).collect();
    for i in 0..n {
        for j in 0..i {
            let (a, b) = (eigenvalues[i], eigenvalues[j]);
            let reach = radius * a.norm().max(b.norm()).max(floor);
            if (a - b).norm() <= reach && group[i] != group[j] {
                let (from, to) = (group[i].max(group[j]), group[i].min(group[j]));
                group
                    .iter_mut()
                    .filter(|g| **g == from)
                    .for_each(|g| *g = to);
            }
        }
    }
    let mut names: Vec<usize> = group.clone();
    names.sort_unstable();
    names.dedup();
    for g in &mut group {
        *g = names.partition_point(|name| name < g);
    }
    group
}
