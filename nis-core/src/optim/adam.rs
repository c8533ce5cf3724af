//! Adam with decoupled weight decay.
//!
//! Kingma and Ba, "Adam" (2015), algorithm 1; Loshchilov and Hutter, "Decoupled weight decay regularization"
//! (2019), algorithm 2.

use serde::{Deserialize, Serialize};

/// Step size, decay of the moments, weight decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamOptions {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean of squares.
    pub epsilon: f64,
    /// Share of every parameter that a step of size 1 takes away.
    pub weight_decay: f64,
}

impl Default for AdamOptions {
    fn default() -> Self {
        AdamOptions {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Means of gradients and their squares, and the number of steps; goes on from it bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamState<T> {
    /// Means of gradients.
    pub first: Vec<T>,
    /// Means of squared gradients.
    pub second: Vec<T>,
    /// Steps done.
    pub steps: u64,
}

macro_rules! adam {
    ($t:ty) => {
        impl AdamState<$t> {
            /// Before the first step of so many parameters.
            pub fn new(parameters: usize) -> Self {
                AdamState {
                    first: vec![0.0; parameters],
                    second: vec![0.0; parameters],
                    steps: 0,
                }
            }

            /// Moves `p` by one step along minus the gradient; lengths beyond the shortest are left alone.
            pub fn step(&mut self, p: &mut [$t], gradient: &[$t], options: &AdamOptions) {
                self.steps += 1;
                let steps = self.steps.min(1 << 30) as i32;
                let (b1, b2) = (options.beta1 as $t, options.beta2 as $t);
                let bias1 = 1.0 - options.beta1.powi(steps);
                let bias2 = (1.0 - options.beta2.powi(steps)).sqrt();
                let rate = (options.learning_rate / bias1) as $t;
                let root = (1.0 / bias2) as $t;
                let keep = (1.0 - options.learning_rate * options.weight_decay) as $t;
                let epsilon = options.epsilon as $t;
                let moments = self.first.iter_mut().zip(&mut self.second);
                for ((p, g), (m, v)) in p.iter_mut().zip(gradient).zip(moments) {
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    *p = keep * *p - rate * *m / (root * v.sqrt() + epsilon);
                }
            }
        }
    };
}
adam!(f32);
adam!(f64);

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps worked out by the formulas of the papers, one parameter.
    #[test]
    fn the_first_steps_follow_the_formulas() {
        let options = AdamOptions {
            learning_rate: 0.1,
            weight_decay: 0.5,
            ..AdamOptions::default()
        };
        let mut state = AdamState::<f64>::new(1);
        let mut p = [1.0];
        let (mut m, mut v, mut want): (f64, f64, f64) = (0.0, 0.0, 1.0);
        for (t, g) in [(1, 2.0), (2, -1.0), (3, 0.5)] {
            state.step(&mut p, &[g], &options);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (mh, vh) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            want = want - 0.1 * 0.5 * want - 0.1 * mh / (vh.sqrt() + 1e-8);
            assert!((p[0] - want).abs() <= 1e-14, "{t}: {} {want}", p[0]);
        }
    }

    #[test]
    fn a_bowl_in_32_bits() {
        let mut state = AdamState::<f32>::new(2);
        let mut p = [3.0f32, -2.0];
        let options = AdamOptions {
            learning_rate: 0.05,
            ..AdamOptions::default()
        };
        for _ in 0..600 {
            let g = [2.0 * p[0], 20.0 * p[1]];
            state.step(&mut p, &g, &options);
        }
        assert!(p[0].abs() < 1e-2 && p[1].abs() < 1e-2, "{p:?}");
    }
}
