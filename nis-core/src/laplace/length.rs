//! Lengths that the fast Fourier transform likes.

/// The least length of at least `n` that is a power of two times 1, 3, 5, 9 or 15: the shapes whose transforms are
/// the fastest for their size.
pub(super) fn smooth_length(n: usize) -> usize {
    let n = n.max(1);
    [1usize, 3, 5, 9, 15]
        .into_iter()
        .map(|odd| odd * n.div_ceil(odd).next_power_of_two())
        .fold(usize::MAX, usize::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_lengths() {
        assert_eq!(
            [1, 7, 11, 17, 31, 97, 2176].map(smooth_length),
            [1, 8, 12, 18, 32, 120, 2304]
        );
    }
}
