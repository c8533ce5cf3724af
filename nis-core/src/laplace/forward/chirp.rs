//! Exponential sums on a line of evenly spaced `s`: the chirp-z transform.
//!
//! Rabiner, Schafer and Rader, Bell Syst. Tech. J. 48 (1969) 1249, eq. (16): with `nk = (n^2 + k^2 - (k-n)^2)/2`
//! the sum over `n` becomes a convolution, done by FFT. Long records are cut into blocks whose transforms fit
//! the cache. Each convolution of length `2H` is split into a cyclic and a twisted one of length `H`, which two
//! threads do at once; the split is there on one thread too, so that the result does not depend on their number.

use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::{Arc, Mutex, PoisonError};

use super::share::share;
use super::{Line, Sample};
use crate::error::Result;
use crate::laplace::length::smooth_length;
use crate::laplace::phase::{Turns, decay};
use crate::laplace::wide::{Kernel, widest};
use crate::telemetry::Progress;

/// What is computed once for a number of samples and a line.
pub(super) struct Chirp {
    samples: usize,
    count: usize,
    block: usize,
    half: usize,
    fft: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    /// Transform of the chirp at even and odd bins, scaled by `1/(2H)`.
    filter: [Vec<Complex64>; 2],
    /// `e^{-2 pi j h/(2H)}`, which turns the second half.
    twist: Vec<Complex64>,
    /// What a block's samples are multiplied with.
    before: Vec<Complex64>,
    /// `e^{-alpha k^2}`, what the points are multiplied with.
    after: Vec<Complex64>,
    sigma_dt: f64,
    start: Turns,
    step: Turns,
    /// Buffers of earlier transforms.
    kept: Mutex<Vec<Vec<Complex64>>>,
}

/// Buffers of one thread; the second scratch where two threads share a convolution.
struct Buffers {
    half: [Vec<Complex64>; 2],
    scratch: [Vec<Complex64>; 2],
}

/// Blocks whose sums are added up apart from those of the others, so that the order of additions does not depend on
/// the number of threads.
const LISTS: usize = 8;

/// Points whose lists are added up in one go, in the nearest cache.
const SHARE: usize = 1 << 10;

/// Most buffers that are kept between transforms.
const KEPT: usize = 32;

/// Convolution lengths beyond this leave the cache, which costs about half as much again.
const CACHED: usize = 1 << 18;

/// The length of the convolutions that does `samples` samples and `count` points in the least time.
fn convolution_length(samples: usize, count: usize) -> usize {
    let whole = samples + count - 1;
    let cost = |len: usize| {
        let block = len + 1 - count;
        let blocks = samples.div_ceil(block) as f64;
        let slow = if len > CACHED { 1.5 } else { 1.0 };
        // Two transforms a block and one for the filter; a phase for every point.
        (2.0 * blocks + 1.0) * len as f64 * (len as f64).log2() * slow + 8.0 * blocks * count as f64
    };
    let mut best = 2 * smooth_length(whole.div_ceil(2));
    let mut len = (2 * count).next_power_of_two();
    while len < whole {
        if cost(len) < cost(best) {
            best = len;
        }
        len *= 2;
    }
    best
}

impl Chirp {
    pub(super) fn new(samples: usize, dt: f64, line: &Line) -> Self {
        let count = line.count;
        let len = convolution_length(samples, count);
        let half = len / 2;
        let block = samples.min(len + 1 - count);
        let start = Turns::of_product(line.omega0, dt, 1.0);
        let step = Turns::of_product(line.step, dt, 1.0);
        let alpha = Turns::of_product(line.step, dt, 0.5);
        let sigma_dt = line.sigma * dt;
        let mut planner = FftPlanner::new();
        let fft = planner.plan_fft_forward(half);
        let inverse = planner.plan_fft_inverse(half);
        let twist: Vec<Complex64> = {
            let bin = Turns(u128::MAX / len as u128).negated();
            (0..half).map(|h| bin.times(h as u128).cis()).collect()
        };

        // The chirp is even in its index, and is laid around the circle.
        let mut chirp = vec![Complex64::default(); len];
        let scale = 1.0 / len as f64;
        let mut phase = Turns::default();
        let mut rise = alpha;
        let twice = alpha.plus(alpha);
        let mut after = Vec::with_capacity(count);
        for m in 0..count.max(block) {
            let value = phase.cis();
            if m < count {
                after.push(value.conj());
            }
            let value = value * scale;
            if m < count {
                chirp[m] = value;
            }
            if m > 0 && m < block {
                chirp[len - m] = value;
            }
            phase = phase.plus(rise);
            rise = rise.plus(twice);
        }
        let mut scratch = vec![Complex64::default(); fft.get_inplace_scratch_len()];
        let mut filter = [Vec::with_capacity(half), Vec::with_capacity(half)];
        for h in 0..half {
            let (u, v) = (chirp[h], chirp[h + half]);
            filter[0].push(u + v);
            filter[1].push((u - v) * twist[h]);
        }
        for part in &mut filter {
            fft.process_with_scratch(part, &mut scratch);
        }

        let mut before = Vec::with_capacity(block);
        let mut phase = Turns::default();
        let mut rise = alpha.plus(start);
        decay(sigma_dt, 0..block, |size| {
            before.push(phase.negated().cis() * size);
            phase = phase.plus(rise);
            rise = rise.plus(twice);
        });
        Chirp {
            samples,
            count,
            block,
            half,
            fft,
            inverse,
            filter,
            twist,
            before,
            after,
            sigma_dt,
            start,
            step,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// `out_k = sum_n x_n e^{-s_k n dt}`.
    pub(super) fn sums<T: Sample>(
        &self,
        x: &[T],
        out: &mut [Complex64],
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let blocks = self.samples.div_ceil(self.block);
        let lists = blocks.min(LISTS);
        // Threads that blocks leave idle do the two halves of a convolution.
        let inside = threads > blocks;
        let threads = threads.clamp(1, lists);
        let mut sums: Vec<Vec<Complex64>> = (0..lists).map(|_| self.take(self.count)).collect();
        let work = sums.iter_mut().enumerate();
        share(
            threads,
            work,
            blocks,
            "chirp-z",
            progress,
            |(first, sums), tick| {
                let mut buffers = self.buffers(inside);
                for block in (first..blocks).step_by(lists) {
                    self.one(x, block, &mut buffers, sums, block == first);
                    tick()?;
                }
                let Buffers { half, scratch } = buffers;
                self.give(half.into_iter().chain(scratch));
                Ok(())
            },
        )?;
        // The lists are added in their order, whichever thread does which points.
        let work = out.chunks_mut(SHARE).enumerate();
        share(
            threads,
            work,
            blocks,
            "chirp-z",
            progress,
            |(place, out), _| {
                let from = place * SHARE;
                for (k, list) in sums.iter().enumerate() {
                    let part = list.get(from..).unwrap_or_default();
                    if k == 0 {
                        out.iter_mut().zip(part).for_each(|(o, v)| *o = *v);
                    } else {
                        out.iter_mut().zip(part).for_each(|(o, v)| *o += v);
                    }
                }
                Ok(())
            },
        )?;
        self.give(sums);
        Ok(())
    }

    /// Length of its Fourier transforms.
    pub(super) fn length(&self) -> usize {
        self.half
    }

    fn buffers(&self, two: bool) -> Buffers {
        let scratch = self
            .fft
            .get_inplace_scratch_len()
            .max(self.inverse.get_inplace_scratch_len());
        Buffers {
            half: [self.take(self.half), self.take(self.half)],
            scratch: [self.take(scratch), self.take(if two { scratch } else { 0 })],
        }
    }

    /// A buffer of some length, with anything in it; one of earlier transforms where there is one.
    fn take(&self, length: usize) -> Vec<Complex64> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|buffer| buffer.len() == length) {
            Some(at) => kept.swap_remove(at),
            None => vec![Complex64::default(); length],
        }
    }

    /// Keeps buffers for the next transform: getting memory anew from the system costs a fifth of a transform.
    fn give(&self, buffers: impl IntoIterator<Item = Vec<Complex64>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(buffers.into_iter().filter(|buffer| !buffer.is_empty()));
        // Several transforms at once leave more than one needs.
        kept.truncate(KEPT);
    }

    /// The sums over one block of samples, phases of the block's place included: added to `out`, or set there.
    fn one<T: Sample>(
        &self,
        x: &[T],
        index: usize,
        buffers: &mut Buffers,
        out: &mut [Complex64],
        sets: bool,
    ) {
        let offset = index * self.block;
        let end = (offset + self.block).min(self.samples);
        let x = x.get(offset..end).unwrap_or_default();
        let Buffers { half, scratch } = buffers;
        let [cyclic, twisted] = half;
        widest(Enter {
            x,
            before: &self.before,
            twist: &self.twist,
            cyclic,
            twisted,
        });
        let convolve = |values: &mut [Complex64], scratch: &mut [Complex64], part: usize| {
            self.fft.process_with_scratch(values, scratch);
            widest(Multiply(values, &self.filter[part]));
            self.inverse.process_with_scratch(values, scratch);
        };
        let [scratch0, scratch1] = scratch;
        if !scratch1.is_empty() {
            std::thread::scope(|scope| {
                scope.spawn(|| convolve(twisted, scratch1, 1));
                convolve(cyclic, scratch0, 0);
            });
        } else {
            convolve(cyclic, scratch0, 0);
            convolve(twisted, scratch0, 1);
        }
        // e^{-alpha k^2 - s_k offset}: the second part in strides of products of two exact exponentials.
        let size = (-self.sigma_dt * offset as f64).exp();
        let turn = self.step.times(offset as u128).negated();
        let first = self.start.times(offset as u128).negated();
        let near: [Complex64; STRIDE] = std::array::from_fn(|k| turn.times(k as u128).cis());
        for (stride, out) in out.chunks_mut(STRIDE).enumerate() {
            let k = stride * STRIDE;
            let far = first.plus(turn.times(k as u128)).cis() * size;
            let after = self.after.get(k..).unwrap_or_default();
            // The convolution's second half starts anew, at any place within a stride.
            let split = self.half.saturating_sub(k).min(out.len());
            let (head, tail) = out.split_at_mut(split);
            for (out, second, k) in [(head, false, k), (tail, true, k + split)] {
                if out.is_empty() {
                    continue;
                }
                let at = if second { k - self.half } else { k };
                let within = k - stride * STRIDE;
                widest(Leave {
                    cyclic: cyclic.get(at..).unwrap_or_default(),
                    twisted: twisted.get(at..).unwrap_or_default(),
                    twist: self.twist.get(at..).unwrap_or_default(),
                    after: after.get(within..).unwrap_or_default(),
                    near: near.get(within..).unwrap_or_default(),
                    far,
                    second,
                    sets,
                    out,
                });
            }
        }
    }
}

/// Points between two exact phases of a block's place.
const STRIDE: usize = 64;

/// The samples times the chirp, folded to the inputs of the two convolutions.
struct Enter<'a, T> {
    x: &'a [T],
    before: &'a [Complex64],
    twist: &'a [Complex64],
    cyclic: &'a mut [Complex64],
    twisted: &'a mut [Complex64],
}

impl<T: Sample> Kernel for Enter<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let half = self.cyclic.len();
        let near = self.x.len().min(half);
        let (head, tail) = self.x.split_at(near);
        let (before, later) = self.before.split_at(near);
        // Where both halves of the circle have samples, where one has, where none has.
        let (both, one) = head.split_at(tail.len());
        let (both_before, one_before) = before.split_at(tail.len());
        let pairs = both.iter().zip(both_before).zip(tail.iter().zip(later));
        let outs = self.cyclic.iter_mut().zip(self.twisted.iter_mut());
        for ((((x, b), (y, d)), (c, t)), w) in pairs.zip(outs).zip(self.twist) {
            let (u, v) = (x.times(*b), y.times(*d));
            *c = u + v;
            *t = (u - v) * w;
        }
        let (from, to) = (tail.len(), near);
        let outs = self.cyclic[from..]
            .iter_mut()
            .zip(&mut self.twisted[from..]);
        let twist = &self.twist[from..];
        for (((x, b), (c, t)), w) in one.iter().zip(one_before).zip(outs).zip(twist) {
            let u = x.times(*b);
            *c = u;
            *t = u * w;
        }
        self.cyclic[to..].fill(Complex64::default());
        self.twisted[to..].fill(Complex64::default());
    }
}

struct Multiply<'a>(&'a mut [Complex64], &'a [Complex64]);

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (v, f) in self.0.iter_mut().zip(self.1) {
            *v *= *f;
        }
    }
}

/// The two convolutions made one, times the phases of the points.
struct Leave<'a> {
    cyclic: &'a [Complex64],
    twisted: &'a [Complex64],
    twist: &'a [Complex64],
    after: &'a [Complex64],
    near: &'a [Complex64],
    far: Complex64,
    second: bool,
    sets: bool,
    out: &'a mut [Complex64],
}

impl Kernel for Leave<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let sign = if self.second { -1.0 } else { 1.0 };
        let parts = self.cyclic.iter().zip(self.twisted).zip(self.twist);
        let phases = self.after.iter().zip(self.near);
        for ((o, ((c, t), w)), (a, n)) in self.out.iter_mut().zip(parts).zip(phases) {
            let v = (c + t * w.conj() * sign) * (a * (n * self.far));
            *o = if self.sets { v } else { *o + v };
        }
    }
}
