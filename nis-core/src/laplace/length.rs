//! Lengths that the fast Fourier transform likes.

/// The least length of at least `n` without prime factors over 5.
pub(super) fn smooth_length(n: usize) -> usize {
    let mut m = n.max(1);
    loop {
        let mut rest = m;
        for p in [2, 3, 5] {
            while rest.is_multiple_of(p) {
                rest /= p;
            }
        }
        if rest == 1 {
            return m;
        }
        m += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_lengths() {
        assert_eq!(
            [1, 7, 11, 17, 31, 97].map(smooth_length),
            [1, 8, 12, 18, 32, 100]
        );
    }
}
