//! Families whose functions all reach over the whole grid. The variable `t` is -1 and 1 at its ends.

use std::f64::consts::PI;

use super::Slices;

/// `T_n(t)` and derivatives by the three-term recurrence and its derivatives.
pub(super) fn chebyshev(t: f64, out: &mut Slices<'_>) {
    for n in 0..out.value.len() {
        let (v, d1, d2) = match n {
            0 => (1.0, 0.0, 0.0),
            1 => (t, 1.0, 0.0),
            _ => (
                2.0 * t * out.value[n - 1] - out.value[n - 2],
                2.0 * out.value[n - 1] + 2.0 * t * out.d1[n - 1] - out.d1[n - 2],
                4.0 * out.d1[n - 1] + 2.0 * t * out.d2[n - 1] - out.d2[n - 2],
            ),
        };
        (out.value[n], out.d1[n], out.d2[n]) = (v, d1, d2);
    }
}

/// `1, cos(pi t), sin(pi t), cos(2 pi t), ..`.
pub(super) fn fourier(t: f64, out: &mut Slices<'_>) {
    for n in 0..out.value.len() {
        let w = PI * n.div_ceil(2) as f64;
        let (s, c) = (w * t).sin_cos();
        let (v, d1) = if n.is_multiple_of(2) && n > 0 {
            (s, w * c)
        } else {
            (c, -w * s)
        };
        (out.value[n], out.d1[n], out.d2[n]) = (v, d1, -w * w * v);
    }
}

/// `exp(-((t - c)/h)^2)` at equally spaced centres from -1 to 1.
pub(super) fn gaussians(t: f64, out: &mut Slices<'_>) {
    let count = out.value.len();
    let h = 2.0 / (count.max(2) - 1) as f64;
    for n in 0..count {
        let u = (t + 1.0) / h - n as f64;
        let v = (-u * u).exp();
        (out.value[n], out.d1[n], out.d2[n]) =
            (v, -2.0 * u * v / h, (4.0 * u * u - 2.0) * v / (h * h));
    }
}

/// `T_n(s)` of `s = t / sqrt(1 + t^2)`.
pub(super) fn rational(t: f64, out: &mut Slices<'_>) {
    let root = t.hypot(1.0);
    chebyshev(t / root, out);
    // ds/dt = (1 + t^2)^(-3/2), d2s/dt2 = -3 t (1 + t^2)^(-5/2)
    let (s1, s2) = (root.powi(-3), -3.0 * (t / root) * root.powi(-4));
    for (d1, d2) in out.d1.iter_mut().zip(out.d2.iter_mut()) {
        *d2 = *d2 * s1 * s1 + *d1 * s2;
        *d1 *= s1;
    }
}
