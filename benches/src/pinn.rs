//! Training steps of physics-informed networks, the same as in `peers/pinn.py`: all streams that a residual needs, the
//! sum of its squares and the gradient, at 2560 points.

use std::ops::Range;

use nis_core::Result;
use nis_core::pinn::network::kernel::{Embedding, Mlp, Real, Streams, Workspace};

/// Points of a step.
pub const POINTS: usize = 2560;

/// A network and a residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Three layers of 20, `u_t + u u_x - 0.01/pi u_xx`.
    Burgers,
    /// Four layers of 50, `u_xx + u_yy - 1`.
    Poisson,
}

impl Case {
    /// All.
    pub const ALL: [Case; 2] = [Case::Burgers, Case::Poisson];

    /// As in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Case::Burgers => "3x20",
            Case::Poisson => "4x50",
        }
    }
}

/// A step that can be repeated.
#[derive(Debug)]
pub struct Step<T> {
    case: Case,
    net: Mlp,
    streams: Streams,
    points: [Vec<f64>; 2],
    parameters: Vec<T>,
    gradient: Vec<T>,
    workspace: Workspace<T>,
}

impl<T: Real> Step<T> {
    /// A step on this many threads.
    ///
    /// # Errors
    /// None with the cases there are.
    pub fn new(case: Case, threads: usize) -> Result<Self> {
        let (hidden, orders) = match case {
            Case::Burgers => (vec![20; 3], [vec![2, 0], vec![0, 1]]),
            Case::Poisson => (vec![50; 4], [vec![2, 0], vec![0, 2]]),
        };
        let net = Mlp::new(Embedding::plain(2), &hidden, 1)?;
        let parameters: Vec<T> = net.start(0).into_iter().map(T::of).collect();
        let spread = |step: f64, from: f64, to: f64| {
            (0..POINTS)
                .map(|i| from + (to - from) * (i as f64 * step).fract())
                .collect()
        };
        Ok(Step {
            case,
            streams: Streams::closing(&orders)?,
            points: [
                spread(0.754_877_666, -1.0, 1.0),
                spread(0.569_840_290, 0.0, 1.0),
            ],
            gradient: vec![T::default(); parameters.len()],
            parameters,
            net,
            workspace: Workspace::new(threads),
        })
    }

    /// The sum of the squared residuals; its gradient is computed too.
    ///
    /// # Errors
    /// None.
    pub fn run(&mut self) -> Result<f64> {
        let case = self.case;
        let loss = |points: Range<usize>, values: &[T], slopes: &mut [T]| match case {
            Case::Burgers => burgers(points.len(), values, slopes),
            Case::Poisson => poisson(points.len(), values, slopes),
        };
        self.gradient.fill(T::default());
        let points = self.points.each_ref().map(Vec::as_slice);
        self.net.loss_gradient(
            &self.streams,
            &points,
            &self.parameters,
            &mut self.workspace,
            &loss,
            &mut self.gradient,
        )
    }
}

/// Streams `u, u_x, u_t, u_xx`.
fn burgers<T: Real>(n: usize, values: &[T], slopes: &mut [T]) -> f64 {
    let nu = T::of(-0.01 / std::f64::consts::PI);
    let mut v = values.chunks_exact(n);
    let mut s = slopes.chunks_exact_mut(n);
    let mut sum = 0.0;
    if let (Some(u), Some(ux), Some(ut), Some(uxx)) = (v.next(), v.next(), v.next(), v.next())
        && let (Some(su), Some(sx), Some(st), Some(sxx)) = (s.next(), s.next(), s.next(), s.next())
    {
        let values = u.iter().zip(ux).zip(ut.iter().zip(uxx));
        let slopes = su.iter_mut().zip(sx).zip(st.iter_mut().zip(sxx));
        for (((u, ux), (ut, uxx)), ((su, sx), (st, sxx))) in values.zip(slopes) {
            let residual = *ut + *u * *ux + nu * *uxx;
            sum += (residual * residual).as_f64();
            let twice = residual + residual;
            (*su, *sx, *st, *sxx) = (twice * *ux, twice * *u, twice, nu * twice);
        }
    }
    sum
}

/// Streams `u, u_x, u_y, u_xx, u_yy`.
fn poisson<T: Real>(n: usize, values: &[T], slopes: &mut [T]) -> f64 {
    slopes.fill(T::default());
    let (Some(uxx), Some(uyy)) = (values.get(3 * n..4 * n), values.get(4 * n..)) else {
        return f64::NAN;
    };
    let Some((sxx, syy)) = slopes
        .get_mut(3 * n..)
        .and_then(|s| s.split_at_mut_checked(n))
    else {
        return f64::NAN;
    };
    let mut sum = 0.0;
    for ((uxx, uyy), (sxx, syy)) in uxx.iter().zip(uyy).zip(sxx.iter_mut().zip(syy)) {
        let residual = *uxx + *uyy - T::of(1.0);
        sum += (residual * residual).as_f64();
        (*sxx, *syy) = (residual + residual, residual + residual);
    }
    sum
}
