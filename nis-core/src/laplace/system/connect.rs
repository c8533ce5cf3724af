//! Interconnection.

use faer::Mat;

use super::StateSpace;
use super::dense::{blocks, solve};
use crate::error::{Error, Result};
use crate::laplace::{PoleResidue, Term};

fn joined_dt(a: &StateSpace, b: &StateSpace) -> Result<Option<f64>> {
    if a.dt == b.dt {
        return Ok(a.dt);
    }
    let shown = |dt: Option<f64>| dt.map_or("continuous".to_owned(), |dt| format!("dt = {dt}"));
    Err(Error::invalid(
        "dt",
        format!("{} and {}", shown(a.dt), shown(b.dt)),
        "systems of the same kind and sampling interval",
    ))
}

fn fits(what: &str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::invalid(
        what,
        got,
        format!("{expected}, to fit the other system"),
    ))
}

fn diagonal(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let upper = Mat::zeros(a.nrows(), b.ncols());
    let lower = Mat::zeros(b.nrows(), a.ncols());
    blocks(a.as_ref(), upper.as_ref(), lower.as_ref(), b.as_ref())
}

fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, j| {
        if j < a.ncols() {
            a[(i, j)]
        } else {
            b[(i, j - a.ncols())]
        }
    })
}

fn above(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows() + b.nrows(), a.ncols(), |i, j| {
        if i < a.nrows() {
            a[(i, j)]
        } else {
            b[(i - a.nrows(), j)]
        }
    })
}

impl StateSpace {
    /// This system followed by `next`: `H_next H_self`. States: this system's, then `next`'s.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes or sampling do not fit.
    pub fn series(&self, next: &StateSpace) -> Result<StateSpace> {
        self.check()?;
        next.check()?;
        fits("next.inputs", next.inputs, self.outputs)?;
        let dt = joined_dt(self, next)?;
        let (b1, c1, d1) = (self.mat_b(), self.mat_c(), self.mat_d());
        let (b2, c2, d2) = (next.mat_b(), next.mat_c(), next.mat_d());
        let zero = Mat::zeros(self.states, next.states);
        let coupled = &b2 * &c1;
        let a = blocks(
            self.mat_a().as_ref(),
            zero.as_ref(),
            coupled.as_ref(),
            next.mat_a().as_ref(),
        );
        let b = above(&b1, &(&b2 * &d1));
        let c = beside(&(&d2 * &c1), &c2);
        Ok(StateSpace::from_mats(&a, &b, &c, &(&d2 * &d1), dt))
    }

    /// The sum of two systems on the same inputs.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes or sampling do not fit.
    pub fn parallel(&self, other: &StateSpace) -> Result<StateSpace> {
        self.check()?;
        other.check()?;
        fits("other.inputs", other.inputs, self.inputs)?;
        fits("other.outputs", other.outputs, self.outputs)?;
        let dt = joined_dt(self, other)?;
        Ok(StateSpace::from_mats(
            &diagonal(&self.mat_a(), &other.mat_a()),
            &above(&self.mat_b(), &other.mat_b()),
            &beside(&self.mat_c(), &other.mat_c()),
            &(self.mat_d() + other.mat_d()),
            dt,
        ))
    }

    /// Both systems side by side: inputs, outputs and states one after the other.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the sampling does not fit.
    pub fn append(&self, other: &StateSpace) -> Result<StateSpace> {
        self.check()?;
        other.check()?;
        let dt = joined_dt(self, other)?;
        Ok(StateSpace::from_mats(
            &diagonal(&self.mat_a(), &other.mat_a()),
            &diagonal(&self.mat_b(), &other.mat_b()),
            &diagonal(&self.mat_c(), &other.mat_c()),
            &diagonal(&self.mat_d(), &other.mat_d()),
            dt,
        ))
    }

    /// This system with `back` from its outputs to its inputs, `u = r + sign * back(y)`: with `sign` -1 the
    /// closed loop is `(I + H K)^-1 H`. States: this system's, then `back`'s.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes, sampling or `sign` (-1 or 1) do not fit; [`Error::Numerical`] where
    /// the loop of the direct terms, `I - sign D K_D`, is singular.
    pub fn feedback(&self, back: &StateSpace, sign: f64) -> Result<StateSpace> {
        self.check()?;
        back.check()?;
        fits("back.inputs", back.inputs, self.outputs)?;
        fits("back.outputs", back.outputs, self.inputs)?;
        if sign.abs() != 1.0 {
            return Err(Error::invalid("sign", sign, "-1 or 1"));
        }
        let dt = joined_dt(self, back)?;
        let (b1, c1, d1) = (self.mat_b(), self.mat_c(), self.mat_d());
        let (b2, c2, d2) = (back.mat_b(), back.mat_c(), back.mat_d());
        let k = Mat::from_fn(d2.nrows(), d2.ncols(), |i, j| sign * d2[(i, j)]);
        let k_c2 = Mat::from_fn(c2.nrows(), c2.ncols(), |i, j| sign * c2[(i, j)]);
        // y = E (C1 x1 + D1 sign C2 x2 + D1 r) with E = (I - D1 sign D2)^-1.
        let loop_gain = Mat::<f64>::identity(self.outputs, self.outputs) - &d1 * &k;
        let all = beside(&beside(&c1, &(&d1 * &k_c2)), &d1);
        let y = solve("feedback", loop_gain.as_ref(), all.as_ref())?;
        let part = |m: &Mat<f64>, from: usize, count: usize| {
            Mat::from_fn(m.nrows(), count, |i, j| m[(i, from + j)])
        };
        let (n1, n2) = (self.states, back.states);
        let (y1, y2, yr) = (
            part(&y, 0, n1),
            part(&y, n1, n2),
            part(&y, n1 + n2, self.inputs),
        );
        // u = r + sign (C2 x2 + D2 y).
        let u1 = &k * &y1;
        let u2 = &k * &y2 + &k_c2;
        let ur = Mat::<f64>::identity(self.inputs, self.inputs) + &k * &yr;
        let a = blocks(
            (self.mat_a() + &b1 * &u1).as_ref(),
            (&b1 * &u2).as_ref(),
            (&b2 * &y1).as_ref(),
            (back.mat_a() + &b2 * &y2).as_ref(),
        );
        let b = above(&(&b1 * &ur), &(&b2 * &yr));
        Ok(StateSpace::from_mats(&a, &b, &beside(&y1, &y2), &yr, dt))
    }

    /// The system with its outputs multiplied by `factor`.
    pub fn scaled(&self, factor: f64) -> StateSpace {
        let mut scaled = self.clone();
        for value in scaled.c.iter_mut().chain(&mut scaled.d) {
            *value *= factor;
        }
        scaled
    }
}

impl PoleResidue {
    /// The sum of two systems on the same inputs; terms of equal pole and power are added.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes do not fit.
    pub fn parallel(&self, other: &PoleResidue) -> Result<PoleResidue> {
        self.check()?;
        other.check()?;
        fits("other.inputs", other.inputs, self.inputs)?;
        fits("other.outputs", other.outputs, self.outputs)?;
        let mut sum = self.clone();
        for term in &other.terms {
            let same = |t: &&mut Term| t.pole == term.pole && t.power == term.power;
            match sum.terms.iter_mut().find(same) {
                Some(own) => own
                    .residue
                    .iter_mut()
                    .zip(&term.residue)
                    .for_each(|(a, b)| *a += b),
                None => sum.terms.push(term.clone()),
            }
        }
        for (own, more) in [
            (&mut sum.direct, &other.direct),
            (&mut sum.linear, &other.linear),
        ] {
            if own.is_empty() {
                own.clone_from(more);
            } else {
                own.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            }
        }
        Ok(sum)
    }

    /// Both systems side by side: inputs and outputs one after the other.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a system's parts do not fit.
    pub fn append(&self, other: &PoleResidue) -> Result<PoleResidue> {
        self.check()?;
        other.check()?;
        let (outputs, inputs) = (self.outputs + other.outputs, self.inputs + other.inputs);
        let place = |from: &PoleResidue, row: usize, column: usize, at: usize| {
            (row + at / from.inputs) * inputs + column + at % from.inputs
        };
        let mut joined = PoleResidue {
            outputs,
            inputs,
            terms: Vec::new(),
            direct: vec![0.0; outputs * inputs],
            linear: vec![0.0; outputs * inputs],
        };
        for (from, row, column) in [(self, 0, 0), (other, self.outputs, self.inputs)] {
            for term in &from.terms {
                let mut residue = vec![Default::default(); outputs * inputs];
                for (at, r) in term.residue.iter().enumerate() {
                    residue[place(from, row, column, at)] = *r;
                }
                joined.terms.push(Term {
                    residue,
                    ..term.clone()
                });
            }
            for (at, d) in from.direct.iter().enumerate() {
                joined.direct[place(from, row, column, at)] = *d;
            }
            for (at, e) in from.linear.iter().enumerate() {
                joined.linear[place(from, row, column, at)] = *e;
            }
        }
        Ok(joined)
    }

    /// The system with its outputs multiplied by `factor`.
    pub fn scaled(&self, factor: f64) -> PoleResidue {
        let mut scaled = self.clone();
        for term in &mut scaled.terms {
            term.residue.iter_mut().for_each(|r| *r *= factor);
        }
        for value in scaled.direct.iter_mut().chain(&mut scaled.linear) {
            *value *= factor;
        }
        scaled
    }
}
