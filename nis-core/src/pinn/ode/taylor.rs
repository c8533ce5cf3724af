//! Steps by Taylor series: explicit, of any order, with the polynomial itself as dense output.
//!
//! Order and step from the last two coefficients as in Jorba and Zou, Experiment. Math. 14 (2005) 99, section 3;
//! beside that, the polynomial is put into the equations at points of the step, so that a kink or a pole of the
//! right-hand side is not stepped over.

use super::system::Compiled;
use super::tape::Tape;

/// Where in a step the equations are looked at.
const LOOKS: [f64; 4] = [0.23, 0.49, 0.77, 1.0];

/// Times the tolerance that the equations may be missed by, over a step: the last terms of the slope are the degree
/// times those of the solution, and the sum runs over all later ones.
const MISS: f64 = 1e3;

/// A stepper for one system with one set of parameters.
pub(super) struct Taylor<'a> {
    tape: &'a Tape,
    system: &'a Compiled,
    point: Vec<f64>,
    tolerance: f64,
    pub(super) degree: usize,
    /// Longest step, for right-hand sides with kinks.
    longest: f64,
    span: f64,
    work: Vec<f64>,
    series: Vec<f64>,
    /// The last step: coefficients of powers of (time less beginning) over the step, component by component.
    pub(super) coefficients: Vec<f64>,
    pub(super) end: Vec<f64>,
}

impl<'a> Taylor<'a> {
    pub(super) fn new(
        tape: &'a Tape,
        system: &'a Compiled,
        parameters: &[f64],
        tolerance: f64,
        span: f64,
    ) -> Self {
        Taylor {
            tape,
            system,
            point: system.point(parameters),
            tolerance,
            degree: ((-0.5 * tolerance.ln()).ceil() as usize + 2).clamp(6, 30),
            longest: if tape.smooth() {
                span.abs()
            } else {
                span.abs() / 200.0
            },
            span: span.abs(),
            work: Vec::new(),
            series: Vec::new(),
            coefficients: Vec::new(),
            end: vec![0.0; system.components],
        }
    }

    /// Work of a step, in operations.
    pub(super) fn cost(&self) -> f64 {
        (self.tape.len() * self.degree * self.degree) as f64
    }

    /// One step from `z` at `t`, at most `left` (of either sign) long. `sizes` are the largest absolute values of the
    /// components so far. The length made, or `None` where no step of usable length keeps to the equations.
    pub(super) fn step(&mut self, t: f64, z: &[f64], sizes: &[f64], left: f64) -> Option<f64> {
        let (n, width) = (self.system.components, self.degree + 1);
        self.tape
            .series(t, z, self.degree, &mut self.work, &mut self.series);
        if !self.series.iter().all(|v| v.is_finite()) {
            return None;
        }
        let most = left.abs().min(self.longest);
        let mut scales = sizes.to_vec();
        let mut h = most;
        for _ in 0..4 {
            let mut next = most;
            for (own, scale) in self.series.chunks_exact(width).zip(&scales) {
                for (j, a) in own.iter().enumerate().skip(self.degree - 1) {
                    if *scale > 0.0 && *a != 0.0 {
                        next = next.min((self.tolerance * scale / a.abs()).powf(1.0 / j as f64));
                    }
                }
            }
            h = next;
            for ((own, scale), size) in self.series.chunks_exact(width).zip(&mut scales).zip(sizes)
            {
                // What the component grows to within the step, so that one that begins at 0 has a size.
                let reach = own
                    .iter()
                    .take(self.degree / 2 + 1)
                    .rev()
                    .fold(0.0, |sum, a| sum * h + a.abs());
                *scale = size.max(reach);
            }
        }
        let least = 16.0 * f64::EPSILON * t.abs().max(left.abs() * 1e-3).max(f64::MIN_POSITIVE);
        let (mut value, mut slope, mut own_slope) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        'lengths: for _ in 0..60 {
            if h < least && h < left.abs() {
                return None;
            }
            let signed = if left < 0.0 { -h } else { h };
            for look in LOOKS {
                let x = look * signed;
                for (c, own) in self.series.chunks_exact(width).enumerate() {
                    let (mut v, mut d) = (0.0, 0.0);
                    for a in own.iter().rev() {
                        d = d * x + v;
                        v = v * x + a;
                    }
                    value[c] = v;
                    own_slope[c] = d;
                }
                self.point[0] = t + x;
                self.point[1..=n].copy_from_slice(&value);
                self.system.slope(&self.point, &mut slope);
                for c in 0..n {
                    let miss = h * (slope[c] - own_slope[c]).abs();
                    // A component that is 0 so far has no size but what this slope would make of it.
                    let size = match scales[c] {
                        0.0 => slope[c].abs() * self.span,
                        scale => scale,
                    };
                    let bound = MISS * self.tolerance.max(1e-15) * size;
                    let rounding = 64.0 * f64::EPSILON * h * slope[c].abs();
                    if miss.is_nan() || miss > bound + rounding {
                        h *= 0.5;
                        continue 'lengths;
                    }
                }
            }
            self.end.copy_from_slice(&value);
            self.coefficients.clear();
            for own in self.series.chunks_exact(width) {
                let mut power = 1.0;
                for a in own {
                    self.coefficients.push(a * power);
                    power *= signed;
                }
            }
            return self
                .coefficients
                .iter()
                .all(|v| v.is_finite())
                .then_some(signed);
        }
        None
    }
}
