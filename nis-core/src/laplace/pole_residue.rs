//! Rational transfer functions as sums over poles.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One term of a [`PoleResidue`]: `R / (s - pole)^power`, and its conjugate where the pole is complex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The pole, with non-negative imaginary part, in 1/(time unit). Written as `[re, im]`.
    pub pole: Complex64,
    /// Power of the term; above 1 only for repeated poles.
    #[serde(default = "one")]
    pub power: u32,
    /// Residue matrix by rows, `outputs * inputs` values; real where the pole is.
    pub residue: Vec<Complex64>,
}

fn one() -> u32 {
    1
}

/// A real linear time-invariant system in pole-residue form,
///
/// `H(s) = D + s E + sum_k [R_k/(s - p_k)^m_k + conj(R_k)/(s - conj(p_k))^m_k]`,
///
/// where real poles have one term instead of the bracket. The impulse response is real by construction.
/// Polynomials are never formed: their roots lose half the digits of a repeated pole, and all of them from
/// order 20 or so.
///
/// ```
/// use nis_core::laplace::PoleResidue;
/// use num_complex::Complex64;
/// // 1/(s + 1) + 2/((s + 1)^2 + 4)
/// let h = PoleResidue::from_pairs(
///     &[Complex64::new(-1.0, 0.0), Complex64::new(-1.0, 2.0), Complex64::new(-1.0, -2.0)],
///     &[Complex64::new(1.0, 0.0), Complex64::new(0.0, -0.5), Complex64::new(0.0, 0.5)],
///     0.0,
/// )?;
/// assert!((h.evaluate(Complex64::new(0.0, 0.0))[0].re - 1.4).abs() < 1e-15);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoleResidue {
    /// Number of outputs (rows of `H`).
    pub outputs: usize,
    /// Number of inputs (columns of `H`).
    pub inputs: usize,
    /// The terms.
    pub terms: Vec<Term>,
    /// `D` by rows, or empty for zero.
    #[serde(default)]
    pub direct: Vec<f64>,
    /// `E` by rows, or empty for zero.
    #[serde(default)]
    pub linear: Vec<f64>,
}

/// Most entries of `H`: 1024 ports.
const MAX_CELLS: usize = 1 << 20;

/// How far two values may differ to be taken for conjugates, against the larger of them.
const CONJUGATE: f64 = 1e-9;

/// Highest power of a term: tables over the powers of a pole have this many entries.
const MAX_POWER: u32 = 100;

impl PoleResidue {
    /// A system of one input and one output from all its poles and residues, conjugates included, in any
    /// order. Poles that are given `m` times get the powers 1 to `m` in that order.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the lists differ in length, a value is not finite or a complex pole comes
    /// without its conjugate.
    pub fn from_pairs(poles: &[Complex64], residues: &[Complex64], direct: f64) -> Result<Self> {
        if poles.len() != residues.len() {
            return Err(Error::invalid(
                "residues",
                format!("{} values", residues.len()),
                format!("{}, one per pole", poles.len()),
            ));
        }
        let mut lower: Vec<usize> = (0..poles.len()).filter(|&i| poles[i].im < 0.0).collect();
        let mut terms: Vec<Term> = Vec::new();
        for (i, (pole, residue)) in poles.iter().zip(residues).enumerate() {
            if pole.im < 0.0 {
                continue;
            }
            if pole.im > 0.0 {
                let near = |a: Complex64, b: Complex64| {
                    (a - b).norm() <= CONJUGATE * a.norm().max(b.norm())
                };
                let found = lower.iter().position(|&j| {
                    near(poles[j], pole.conj()) && near(residues[j], residue.conj())
                });
                match found {
                    Some(at) => {
                        lower.remove(at);
                    }
                    None => {
                        return Err(Error::invalid(
                            format!("poles[{i}]"),
                            format!("{pole}"),
                            "its conjugate, with the conjugate residue, among the poles",
                        ));
                    }
                }
            }
            let power = 1 + terms.iter().filter(|t| t.pole == *pole).count() as u32;
            terms.push(Term {
                pole: *pole,
                power,
                residue: vec![*residue],
            });
        }
        if let Some(&j) = lower.first() {
            return Err(Error::invalid(
                format!("poles[{j}]"),
                format!("{}", poles[j]),
                "its conjugate, with the conjugate residue, among the poles",
            ));
        }
        let system = PoleResidue {
            outputs: 1,
            inputs: 1,
            terms,
            direct: vec![direct],
            linear: Vec::new(),
        };
        system.check()?;
        Ok(system)
    }

    /// Whether the parts fit together; specs from outside pass through here before they are used.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the first part that does not fit; [`Error::Limit`] above 65536 channels.
    pub fn check(&self) -> Result<()> {
        // Without terms nothing else bounds the size of `H`: a spec of a few bytes must not ask for terabytes.
        let cells = match self.outputs.checked_mul(self.inputs) {
            Some(cells) if (1..=MAX_CELLS).contains(&cells) => cells,
            _ => {
                return Err(Error::invalid(
                    "outputs, inputs",
                    format!("{} x {}", self.outputs, self.inputs),
                    format!("at least one of each, {MAX_CELLS} together at most"),
                ));
            }
        };
        super::system::check_channels(self.outputs, self.inputs)?;
        for (name, part) in [("direct", &self.direct), ("linear", &self.linear)] {
            if !part.is_empty() && part.len() != cells {
                return Err(Error::invalid(
                    name,
                    format!("{} values", part.len()),
                    format!("{cells}, by rows, or none"),
                ));
            }
            if let Some(at) = part.iter().position(|v| !v.is_finite()) {
                return Err(Error::invalid(
                    format!("{name}[{at}]"),
                    part[at],
                    "a finite value",
                ));
            }
        }
        for (k, term) in self.terms.iter().enumerate() {
            let field = |what: &str| format!("terms[{k}].{what}");
            if !(term.pole.is_finite() && term.pole.im >= 0.0) {
                return Err(Error::invalid(
                    field("pole"),
                    format!("{}", term.pole),
                    "a finite pole with non-negative imaginary part (the conjugate is implied)",
                ));
            }
            if !(1..=MAX_POWER).contains(&term.power) {
                return Err(Error::invalid(
                    field("power"),
                    term.power,
                    format!("1 to {MAX_POWER}"),
                ));
            }
            if term.residue.len() != cells {
                return Err(Error::invalid(
                    field("residue"),
                    format!("{} values", term.residue.len()),
                    format!("{cells}, by rows"),
                ));
            }
            let fits = |r: &Complex64| r.is_finite() && (term.pole.im != 0.0 || r.im == 0.0);
            if let Some(at) = term.residue.iter().position(|r| !fits(r)) {
                return Err(Error::invalid(
                    format!("terms[{k}].residue[{at}]"),
                    format!("{}", term.residue[at]),
                    "a finite value, real where the pole is real",
                ));
            }
        }
        Ok(())
    }

    /// Number of states: 2 per complex and 1 per real pole, once per power, for one input and output.
    pub fn order(&self) -> usize {
        self.terms
            .iter()
            .map(|t| if t.pole.im != 0.0 { 2 } else { 1 })
            .sum()
    }

    /// `H(s)` by rows, `outputs * inputs` values. For many `s` use the responses of
    /// [`system`](super::system), which are faster.
    pub fn evaluate(&self, s: Complex64) -> Vec<Complex64> {
        (0..self.outputs * self.inputs)
            .map(|cell| {
                let flat = |part: &[f64]| part.get(cell).copied().unwrap_or(0.0);
                let mut sum = flat(&self.direct) + s * flat(&self.linear);
                for term in &self.terms {
                    let power = term.power as i32;
                    let residue = term.residue.get(cell).copied().unwrap_or_default();
                    sum += residue / (s - term.pole).powi(power);
                    if term.pole.im != 0.0 {
                        sum += residue.conj() / (s - term.pole.conj()).powi(power);
                    }
                }
                sum
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conjugates_are_paired_and_strays_are_named() {
        let (p, r) = (Complex64::new(-1.0, 2.0), Complex64::new(0.5, 0.25));
        let h = PoleResidue::from_pairs(&[p.conj(), p], &[r.conj(), r], 0.5).unwrap();
        assert_eq!((h.terms.len(), h.order()), (1, 2));
        let s = Complex64::new(0.3, 0.7);
        let expected = r / (s - p) + r.conj() / (s - p.conj()) + 0.5;
        assert!((h.evaluate(s)[0] - expected).norm() < 1e-15);
        let stray = PoleResidue::from_pairs(&[p], &[r], 0.0).unwrap_err();
        assert_eq!(stray.field(), Some("poles[0]"));
        let wrong = PoleResidue::from_pairs(&[p, p.conj()], &[r, r], 0.0).unwrap_err();
        assert_eq!(wrong.field(), Some("poles[0]"));
        let real = Complex64::new(-1.0, 0.0);
        let double = PoleResidue::from_pairs(&[real, real], &[real, real], 0.0).unwrap();
        assert_eq!(double.terms[1].power, 2);
        for (outputs, inputs) in [(0, 1), (1 << 30, 80), (usize::MAX, 2)] {
            let wide = PoleResidue {
                outputs,
                inputs,
                terms: Vec::new(),
                direct: Vec::new(),
                linear: Vec::new(),
            };
            assert_eq!(wide.check().unwrap_err().field(), Some("outputs, inputs"));
        }
    }
}
