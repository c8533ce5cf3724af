//! Random numbers from a seed, the same on every machine.

/// Deviates from a seed by splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (-1, 1).
    pub(crate) fn symmetric(&mut self) -> f64 {
        2.0 * ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64 - 1.0
    }

    /// In 0..n.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A standard normal deviate (Box and Muller, Ann. Math. Statist. 29 (1958) 610); the sine of the pair is
    /// left unused.
    #[cfg_attr(not(test), allow(dead_code))] // the noise of tests
    pub(crate) fn normal(&mut self) -> f64 {
        let unit = |bits: u64| ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let (u, v) = (unit(self.bits()), unit(self.bits()));
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}
