//! The formula of [`bspline`](super::bspline) at many points together, so that its loops become vector instructions.

use num_complex::Complex64;

use super::bspline::{End, Ends, INVERSE, moments_of};
use crate::laplace::wide::{Kernel, widest};

/// Points that are worked on together.
pub(super) const LANES: usize = 32;

/// A complex number for each point.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    re: [f64; LANES],
    im: [f64; LANES],
}

impl Wide {
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Wide {
            re: [0.0; LANES],
            im: [0.0; LANES],
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, lane: usize, value: Complex64) {
        self.re[lane] = value.re;
        self.im[lane] = value.im;
    }

    #[inline(always)]
    pub(super) fn get(&self, lane: usize) -> Complex64 {
        Complex64::new(self.re[lane], self.im[lane])
    }

    #[inline(always)]
    fn times(&mut self, other: &Wide) {
        for j in 0..LANES {
            let (a, b) = (self.re[j], self.im[j]);
            self.re[j] = a * other.re[j] - b * other.im[j];
            self.im[j] = a * other.im[j] + b * other.re[j];
        }
    }

    #[inline(always)]
    fn add(&mut self, other: &Wide) {
        for j in 0..LANES {
            self.re[j] += other.re[j];
            self.im[j] += other.im[j];
        }
    }

    #[inline(always)]
    fn minus(&mut self, other: &Wide) {
        for j in 0..LANES {
            self.re[j] -= other.re[j];
            self.im[j] -= other.im[j];
        }
    }

    #[inline(always)]
    fn scale(&mut self, factor: f64) {
        for j in 0..LANES {
            self.re[j] *= factor;
            self.im[j] *= factor;
        }
    }

    /// Adds a constant.
    #[inline(always)]
    fn shift(&mut self, by: Complex64) {
        for j in 0..LANES {
            self.re[j] += by.re;
            self.im[j] += by.im;
        }
    }

    /// Adds a multiple.
    #[inline(always)]
    fn add_times(&mut self, other: &Wide, factor: Complex64) {
        if factor.im == 0.0 {
            for j in 0..LANES {
                self.re[j] += other.re[j] * factor.re;
                self.im[j] += other.im[j] * factor.re;
            }
            return;
        }
        for j in 0..LANES {
            self.re[j] += other.re[j] * factor.re - other.im[j] * factor.im;
            self.im[j] += other.im[j] * factor.re + other.re[j] * factor.im;
        }
    }

    /// The reciprocal of numbers whose squares are in range.
    #[inline(always)]
    fn inverse(&self) -> Wide {
        let mut out = Wide::zero();
        for j in 0..LANES {
            let q = 1.0 / (self.re[j] * self.re[j] + self.im[j] * self.im[j]);
            out.re[j] = self.re[j] * q;
            out.im[j] = -self.im[j] * q;
        }
        out
    }
}

/// What depends on the points alone. Lanes without a point hold the first one's.
pub(super) struct Points {
    /// `theta = s dt`
    pub(super) theta: Wide,
    /// `e^{-theta}`
    pub(super) z: Wide,
    /// `e^{theta}`
    pub(super) inverse: Wide,
    /// `z^{N-1}`
    pub(super) last: Wide,
}

/// Largest `|theta|^2` for which the moments come from their series.
const SERIES: f64 = 4.0;

impl Points {
    pub(super) fn new() -> Self {
        Points {
            theta: Wide::zero(),
            z: Wide::zero(),
            inverse: Wide::zero(),
            last: Wide::zero(),
        }
    }

    /// `E_0` to `E_5`, as [`moments_of`].
    #[inline(always)]
    fn moments(&self) -> [Wide; 6] {
        let mut out = [Wide::zero(); 6];
        let (mut least, mut most) = (f64::INFINITY, 0.0f64);
        for j in 0..LANES {
            let square = self.theta.get(j).norm_sqr();
            least = least.min(square);
            most = most.max(square);
        }
        if least > SERIES {
            let inverse = self.theta.inverse();
            for k in 0..6 {
                let mut next = Wide::zero();
                if k == 0 {
                    next.shift(Complex64::new(1.0, 0.0));
                } else {
                    next = out[k - 1];
                    next.scale(k as f64);
                }
                next.minus(&self.z);
                next.times(&inverse);
                out[k] = next;
            }
            return out;
        }
        if most > SERIES || most.is_nan() {
            for j in 0..LANES {
                let mut e = [Complex64::default(); 6];
                moments_of(self.theta.get(j), self.z.get(j), &mut e);
                for (out, e) in out.iter_mut().zip(e) {
                    out.set(j, e);
                }
            }
            return out;
        }
        // The highest by its power series, the others downwards, which is stable for small theta.
        let mut negative = self.theta;
        negative.scale(-1.0);
        let mut term = Wide::zero();
        term.shift(Complex64::new(1.0, 0.0));
        let mut above = term;
        above.scale(1.0 / 6.0);
        let (size, mut left) = (most.sqrt(), 1.0);
        for (m, inverse) in INVERSE.iter().enumerate().skip(1) {
            term.times(&negative);
            term.scale(*inverse);
            above.add_times(&term, Complex64::new(1.0 / (6 + m) as f64, 0.0));
            // |theta| is at most 2: the terms that are left add up to less than this one.
            left *= size * inverse;
            if left <= 1e-17 {
                break;
            }
        }
        for k in (0..6).rev() {
            out[k] = above;
            if k > 0 {
                above.times(&self.theta);
                above.add(&self.z);
                above.scale(1.0 / k as f64);
            }
        }
        out
    }
}

/// `F(s)/dt` of each spline from the sums `X(z)` of the samples.
pub(super) fn transforms(splines: &[Ends<'_>; 2], at: &Points, sums: &Wide) -> [Wide; 2] {
    struct Transforms<'a>(&'a [Ends<'a>; 2], &'a Points, &'a Wide);
    impl Kernel for Transforms<'_> {
        type Output = [Wide; 2];
        #[inline(always)]
        fn run(self) -> [Wide; 2] {
            let moments = self.1.moments();
            let mut out = [Wide::zero(); 2];
            for (out, ends) in out.iter_mut().zip(self.0) {
                transform(ends, self.1, &moments, self.2, out);
            }
            out
        }
    }
    widest(Transforms(splines, at, sums))
}

#[inline(always)]
fn transform(ends: &Ends<'_>, at: &Points, moments: &[Wide; 6], sums: &Wide, out: &mut Wide) {
    let (q, at_knots) = (ends.degree.q, &ends.degree.at_knots);
    // X + E
    let mut right = outside(&ends.right, &at.z);
    right.times(&at.last);
    *out = outside(&ends.left, &at.inverse);
    out.add(&right);
    out.add(sums);
    // (2 sinh(theta/2)/theta)^2 = E_0^2 e^theta
    let mut square = moments[0];
    square.times(&moments[0]);
    square.times(&at.inverse);
    for _ in 0..q {
        out.times(&square);
    }
    // The basis function is even: b_0 + sum_j b_j (z^j + z^-j).
    let mut sampled = Wide::zero();
    let (mut up, mut down) = (at.z, at.inverse);
    for (j, b) in at_knots.iter().skip(q - 1).enumerate() {
        if j == 0 {
            sampled.shift(Complex64::new(*b, 0.0));
            continue;
        }
        let b = Complex64::new(*b, 0.0);
        sampled.add_times(&up, b);
        sampled.add_times(&down, b);
        up.times(&at.z);
        down.times(&at.inverse);
    }
    out.times(&sampled.inverse());
    let mut left = beyond(&ends.left, moments, &at.inverse);
    left.times(&at.inverse);
    out.minus(&left);
    let mut right = beyond(&ends.right, moments, &at.z);
    right.times(&at.last);
    out.minus(&right);
}

/// What the samples outside the record would add, beyond one end: `sum_{i >= 1} x_{-i} w^i`, where `w` leads one
/// sample outwards.
#[inline(always)]
fn outside(end: &End, w: &Wide) -> Wide {
    let mut sum = Wide::zero();
    for x in end.outside.iter().rev() {
        sum.shift(*x);
        sum.times(w);
    }
    sum
}

/// The spline's transform beyond an end, where `w` leads one interval outwards: without the factor that the
/// earlier edge of the first interval has.
#[inline(always)]
fn beyond(end: &End, moments: &[Wide; 6], w: &Wide) -> Wide {
    let mut sum = Wide::zero();
    for piece in end.beyond.iter().rev() {
        sum.times(w);
        for (c, e) in piece.iter().zip(moments) {
            sum.add_times(e, *c);
        }
    }
    sum
}
