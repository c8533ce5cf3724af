//! Small matrix products whose tiles stay in registers: weights by columns of vectors, and sums of outer products.
//!
//! A *tile* is some points' numbers: for each node a row of `columns` vectors. Weights are packed so that a kernel
//! reads them one after the other: for each block of `m` rows, for each node that is read, `m` weights.

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

use super::simd::Real;

/// Most columns that one kernel works on.
const WIDE: usize = 6;

/// Rows of weights per kernel, by the number of columns: as many as 16 registers hold, and 32.
const ROWS: [[usize; WIDE + 1]; 2] = [[1, 8, 5, 4, 3, 2, 2], [1, 8, 8, 7, 5, 5, 4]];

/// Most rows on both sides of an outer product.
const OUTER: [[usize; 2]; 2] = [[3, 4], [5, 5]];

/// Numbers per vector and whether there are 32 registers, on this machine.
pub(super) fn machine<T: Real>() -> (usize, bool) {
    Arch::new().dispatch(Machine(std::marker::PhantomData::<T>))
}

struct Machine<T>(std::marker::PhantomData<T>);

impl<T: Real> WithSimd for Machine<T> {
    type Output = (usize, bool);

    fn with_simd<S: Simd>(self, _: S) -> (usize, bool) {
        (T::lanes::<S>(), many::<S>())
    }
}

fn many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// `count` split into parts of at most `most`, as even as can be.
pub(super) fn parts(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let n = count.div_ceil(most.max(1)).max(1);
    (0..n).map(move |k| {
        let from = k * count / n;
        (from, (k + 1) * count / n - from)
    })
}

/// The rows of weights that go with the widest group of columns.
fn rows_for(columns: usize, many: bool) -> usize {
    let widest = parts(columns, WIDE).map(|(_, c)| c).max().unwrap_or(1);
    ROWS[usize::from(many)][widest]
}

/// Packs a matrix of `rows` by `reads` weights whose entry is given by a function.
pub(super) fn pack<T: Real>(
    rows: usize,
    reads: usize,
    columns: usize,
    out: &mut Vec<T>,
    weight: impl Fn(usize, usize) -> T,
) {
    out.clear();
    let (_, many) = machine::<T>();
    for (from, count) in parts(rows, rows_for(columns, many)) {
        for k in 0..reads {
            out.extend((from..from + count).map(|row| weight(row, k)));
        }
    }
}

/// Calls a kernel made for the number of rows and columns.
macro_rules! by_size {
    ($m:expr, $c:expr, $call:ident, $arguments:tt) => {
        by_size!(@ $m, $c, $call, $arguments,
            (1, 1) (2, 1) (3, 1) (4, 1) (5, 1) (6, 1) (7, 1) (8, 1) (1, 2) (2, 2) (3, 2) (4, 2) (5, 2)
            (1, 3) (2, 3) (3, 3) (4, 3) (1, 4) (2, 4) (3, 4) (1, 5) (2, 5) (1, 6) (2, 6)
            [(6, 2) (7, 2) (8, 2) (5, 3) (6, 3) (7, 3) (4, 4) (5, 4) (3, 5) (4, 5) (5, 5) (3, 6) (4, 6)])
    };
    (@ $m:expr, $c:expr, $call:ident, $arguments:tt,
     $(($mm:literal, $cc:literal))* [$(($mmm:literal, $ccc:literal))*]) => {
        match ($m, $c) {
            $(($mm, $cc) => by_size!(@one $call, $mm, $cc, $arguments),)*
            $(($mmm, $ccc) if many::<S>() => by_size!(@one $call, $mmm, $ccc, $arguments),)*
            _ => {}
        }
    };
    (@one $call:ident, $m:literal, $c:literal, ($($argument:expr),*)) => {
        $call::<T, S, $m, $c>($($argument),*)
    };
}

/// Packed weights times tiles of `reads` rows, into tiles of `rows` rows; `bias` (per row, or empty for 0) is added to
/// the first `values` columns. A call of its own, so that its many kernels are compiled once.
pub(super) struct Products<'a, T: Real, S: Simd> {
    pub(super) simd: S,
    pub(super) packed: &'a [T],
    pub(super) rows: usize,
    pub(super) reads: usize,
    pub(super) columns: usize,
    pub(super) bias: &'a [T],
    pub(super) values: usize,
    pub(super) from: &'a [T::V<S>],
    pub(super) to: &'a mut [T::V<S>],
}

impl<T: Real, S: Simd> NullaryFnOnce for Products<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (simd, columns, reads) = (self.simd, self.columns, self.reads);
        let tiles = self.from.chunks_exact(reads * columns);
        let most = rows_for(columns, many::<S>());
        for (tile, out) in tiles.zip(self.to.chunks_exact_mut(self.rows * columns)) {
            let mut packed = self.packed;
            for (from, m) in parts(self.rows, most) {
                let (own, rest) = packed.split_at(m * reads);
                packed = rest;
                let bias = if self.bias.is_empty() {
                    self.bias
                } else {
                    &self.bias[from..from + m]
                };
                let out = &mut out[from * columns..(from + m) * columns];
                for (first, c) in parts(columns, WIDE) {
                    let values = self.values.saturating_sub(first);
                    by_size!(
                        m,
                        c,
                        product_of,
                        (simd, own, [columns, first, values], bias, tile, out)
                    );
                }
            }
        }
    }
}

#[allow(clippy::needless_range_loop)] // by index, or the sums would not stay in registers
#[inline(always)]
fn product_of<T: Real, S: Simd, const M: usize, const C: usize>(
    simd: S,
    packed: &[T],
    [columns, first, values]: [usize; 3],
    bias: &[T],
    tile: &[T::V<S>],
    out: &mut [T::V<S>],
) {
    let zero = T::splat(simd, T::default());
    let mut sums = [[zero; C]; M];
    for (sums, bias) in sums.iter_mut().zip(bias) {
        for sum in sums.iter_mut().take(values) {
            *sum = T::splat(simd, *bias);
        }
    }
    let rows = packed.as_chunks::<M>().0.iter();
    for (weights, row) in rows.zip(tile.chunks_exact(columns)) {
        let Some(row) = row[first..].first_chunk::<C>() else {
            return;
        };
        for m in 0..M {
            let w = T::splat(simd, weights[m]);
            for c in 0..C {
                sums[m][c] = T::fma(simd, w, row[c], sums[m][c]);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(columns).zip(&sums) {
        for (out, sum) in out[first..].iter_mut().zip(sums) {
            *out = *sum;
        }
    }
}

macro_rules! outer_by_size {
    ($a:expr, $b:expr, $arguments:tt) => {
        outer_by_size!(@ $a, $b, $arguments,
            (1, 1) (1, 2) (1, 3) (1, 4) (2, 1) (2, 2) (2, 3) (2, 4) (3, 1) (3, 2) (3, 3) (3, 4)
            [(1, 5) (2, 5) (3, 5) (4, 1) (4, 2) (4, 3) (4, 4) (4, 5) (5, 1) (5, 2) (5, 3) (5, 4) (5, 5)])
    };
    (@ $a:expr, $b:expr, $arguments:tt,
     $(($aa:literal, $bb:literal))* [$(($aaa:literal, $bbb:literal))*]) => {
        match ($a, $b) {
            $(($aa, $bb) => outer_by_size!(@one $aa, $bb, $arguments),)*
            $(($aaa, $bbb) if many::<S>() => outer_by_size!(@one $aaa, $bbb, $arguments),)*
            _ => {}
        }
    };
    (@one $a:literal, $b:literal, ($($argument:expr),*)) => {
        outer_of::<T, S, $a, $b>($($argument),*)
    };
}

/// Adds, lane by lane, the sum over tiles and columns of each row of `a` times each row of `b`: `out[row of a][row of
/// b]`. Tiles have `rows[0]` and `rows[1]` rows.
pub(super) struct Outer<'a, T: Real, S: Simd> {
    pub(super) simd: S,
    pub(super) rows: [usize; 2],
    pub(super) columns: usize,
    pub(super) a: &'a [T::V<S>],
    pub(super) b: &'a [T::V<S>],
    pub(super) out: &'a mut [T::V<S>],
}

impl<T: Real, S: Simd> NullaryFnOnce for Outer<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Outer {
            simd,
            rows,
            columns,
            a,
            b,
            out,
        } = self;
        let most = OUTER[usize::from(many::<S>())];
        for (from_a, count_a) in parts(rows[0], most[0]) {
            for (from_b, count_b) in parts(rows[1], most[1]) {
                outer_by_size!(
                    count_a,
                    count_b,
                    (simd, rows, [from_a, from_b], columns, a, b, out)
                );
            }
        }
    }
}

#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn outer_of<T: Real, S: Simd, const A: usize, const B: usize>(
    simd: S,
    rows: [usize; 2],
    from: [usize; 2],
    columns: usize,
    a: &[T::V<S>],
    b: &[T::V<S>],
    out: &mut [T::V<S>],
) {
    let mut sums = [[T::splat(simd, T::default()); B]; A];
    let tiles = a
        .chunks_exact(rows[0] * columns)
        .zip(b.chunks_exact(rows[1] * columns));
    for (a, b) in tiles {
        let (a, b) = (&a[from[0] * columns..], &b[from[1] * columns..]);
        let a: [&[T::V<S>]; A] = std::array::from_fn(|k| &a[k * columns..][..columns]);
        let b: [&[T::V<S>]; B] = std::array::from_fn(|k| &b[k * columns..][..columns]);
        for c in 0..columns {
            // By index: with iterators the sums would not stay in registers.
            for i in 0..A {
                let left = a[i][c];
                for j in 0..B {
                    sums[i][j] = T::fma(simd, left, b[j][c], sums[i][j]);
                }
            }
        }
    }
    for i in 0..A {
        let place = &mut out[(from[0] + i) * rows[1] + from[1]..][..B];
        for j in 0..B {
            place[j] = T::plus(simd, place[j], sums[i][j]);
        }
    }
}
