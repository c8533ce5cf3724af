//! Networks that grow: wider layers that compute the same function as before.

use super::kernel::Mlp;
use crate::optim::Random;

/// Parameters of `new` that make it the same function as `old` with `p`: nodes that are new read what is there with
/// small random weights, and nothing reads them yet (as in Chen, Goodfellow and Shlens, "Net2Net", 2016, but with
/// fresh features). `None` where `new` does not contain `old`.
pub(super) fn widened(old: &Mlp, p: &[f64], new: &Mlp, seed: u64) -> Option<Vec<f64>> {
    let fits = old.embedding() == new.embedding()
        && old.outputs() == new.outputs()
        && old.hidden().len() == new.hidden().len()
        && old.hidden().iter().zip(new.hidden()).all(|(a, b)| a <= b)
        && p.len() >= old.parameters();
    if !fits {
        return None;
    }
    let mut random = Random(seed);
    let mut out = new.start(seed);
    let (mut at_old, mut at_new) = (0, 0);
    let (mut from_old, mut from_new) = (old.embedding().len(), new.embedding().len());
    let layers = old.hidden().iter().copied().chain([old.outputs()]);
    let widths = new.hidden().iter().copied().chain([new.outputs()]);
    for (to_old, to_new) in layers.zip(widths) {
        for node in 0..to_old {
            let row_new = at_new + node * from_new;
            let row_old = at_old + node * from_old;
            out.get_mut(row_new..row_new + from_new)?.fill(0.0);
            let own = p.get(row_old..row_old + from_old)?;
            out.get_mut(row_new..row_new + from_old)?
                .copy_from_slice(own);
        }
        let (bias_old, bias_new) = (at_old + from_old * to_old, at_new + from_new * to_new);
        let own = p.get(bias_old..bias_old + to_old)?;
        out.get_mut(bias_new..bias_new + to_old)?
            .copy_from_slice(own);
        for bias in out.get_mut(bias_new + to_old..bias_new + to_new)? {
            *bias = 0.5 * random.symmetric();
        }
        at_old = bias_old + to_old;
        at_new = bias_new + to_new;
        (from_old, from_new) = (to_old, to_new);
    }
    // Unknown parameters follow the weights.
    out.extend_from_slice(p.get(old.parameters()..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{Embedding, Streams, Workspace};
    use super::*;

    #[test]
    fn a_wider_network_is_the_same_function() {
        let embedding = || Embedding::normalised(&[[0.0, 2.0], [-1.0, 1.0]]).unwrap();
        let old = Mlp::new(embedding(), &[3, 5], 2).unwrap();
        let new = Mlp::new(embedding(), &[4, 7], 2).unwrap();
        let mut p = old.start(3);
        for (i, v) in p.iter_mut().enumerate() {
            *v += 0.1 * (i as f64).sin();
        }
        p.push(42.0);
        let q = widened(&old, &p, &new, 9).unwrap();
        assert_eq!(q.len(), new.parameters() + 1);
        assert_eq!(q.last(), Some(&42.0));
        let streams = Streams::closing(&[vec![2, 1]]).unwrap();
        let (x, y) = ([0.1, 0.7, 1.9], [-0.5, 0.0, 1.0]);
        let value = |net: &Mlp, p: &[f64]| {
            let mut out = vec![0.0; streams.len() * 2 * 3];
            let own = &p[..net.parameters()];
            let mut workspace = Workspace::new(1);
            net.forward(&streams, &[&x, &y], own, &mut workspace, &mut out)
                .unwrap();
            out
        };
        for (a, b) in value(&old, &p).iter().zip(value(&new, &q)) {
            assert!((a - b).abs() <= 1e-13 * (1.0 + a.abs()), "{a} {b}");
        }
        // What is new can learn: it is neither zero nor a copy.
        assert!(q.iter().filter(|v| **v == 0.0).count() < q.len() / 2);
        assert!(widened(&new, &q, &old, 9).is_none());
    }
}
