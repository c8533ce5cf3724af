//! Blocks of points on threads. Every chunk of points is worked on by one thread and leaves its own result; these are
//! put together in the order of the points, so that no bit depends on the threads.

use std::ops::Range;
use std::sync::Mutex;

use faer::MatMut;
use pulp::{Arch, Simd, WithSimd};

use super::block;
use super::chain::Spare;
use super::plan::{Plan, Room};
use super::product::machine;
use super::simd::Real;
use super::{LossOf, Workspace};

/// What becomes of a chunk of points.
enum Task<'a, 'm, T> {
    /// Columns of values.
    Values(Vec<&'m mut [T]>),
    /// A loss, and its gradient, a vector per parameter.
    Loss {
        loss: &'a LossOf<'a, T>,
        sum: &'m mut f64,
        gradient: &'m mut [T],
    },
    /// Rows of a Jacobian, one matrix per kind, and the seeds of all points.
    Rows {
        seeds: &'a [T],
        rows: Vec<MatMut<'m, T>>,
    },
}

struct Chunk<'a, 'm, 'r, T> {
    plan: &'a Plan<'a, T>,
    room: &'r mut Room<T>,
    range: Range<usize>,
    task: Task<'a, 'm, T>,
}

impl<T: Real> WithSimd for Chunk<'_, '_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Chunk {
            plan,
            room,
            range,
            task,
        } = self;
        let zero = T::splat(simd, T::default());
        let mut spare = Spare::new(plan.streams.len(), zero);
        let spare = &mut spare;
        match task {
            Task::Values(mut columns) => {
                for block in plan.blocks(range.clone()) {
                    let own = block.start - range.start..block.end - range.start;
                    block::there::<T, S>(simd, plan, room, spare, block);
                    let columns = columns.iter_mut().map(|c| &mut c[own.clone()]);
                    block::outputs::<T, S>(plan, room, columns);
                }
            }
            Task::Loss {
                loss,
                sum,
                gradient,
            } => {
                let kinds = plan.streams.len() * plan.net.outputs;
                gradient.fill(T::default());
                let (mut values, mut adjoint) = (
                    std::mem::take(&mut room.values),
                    std::mem::take(&mut room.adjoint),
                );
                for block in plan.blocks(range) {
                    let n = block.len();
                    block::there::<T, S>(simd, plan, room, spare, block.clone());
                    values.resize(kinds * n, T::default());
                    adjoint.resize(kinds * n, T::default());
                    block::outputs::<T, S>(plan, room, values.chunks_exact_mut(n));
                    *sum += loss(block, &values, &mut adjoint);
                    let [first, _] = &mut room.slopes;
                    block::seed::<T, S>(plan, first, n, adjoint.chunks_exact(n));
                    block::back::<T, S>(simd, plan, room, spare, gradient);
                }
                (room.values, room.adjoint) = (values, adjoint);
            }
            Task::Rows { seeds, mut rows } => {
                let n = plan.count();
                let each = plan.streams.len() * plan.net.outputs * n;
                for block in plan.blocks(range.clone()) {
                    let own = block.start - range.start..block.end - range.start;
                    block::there::<T, S>(simd, plan, room, spare, block.clone());
                    for (rows, seeds) in rows.iter_mut().zip(seeds.chunks_exact(each)) {
                        let columns = seeds.chunks_exact(n).map(|c| &c[block.clone()]);
                        let [first, _] = &mut room.slopes;
                        block::seed::<T, S>(plan, first, block.len(), columns);
                        let mut rows = rows.as_mut().subrows_mut(own.start, own.len());
                        block::rows::<T, S>(simd, plan, room, spare, |k, from| {
                            put(rows.as_mut(), k, from);
                        });
                    }
                }
            }
        }
    }
}

/// Writes the first of these numbers to a column.
#[inline(always)]
fn put<T: Real>(rows: MatMut<'_, T>, column: usize, from: &[T]) {
    let column = rows.col_mut(column);
    if column.row_stride() != 1 {
        for (to, from) in column.iter_mut().zip(from) {
            *to = *from;
        }
    } else if let Some(column) = column.try_as_col_major_mut() {
        let to = column.as_slice_mut();
        to.copy_from_slice(&from[..to.len()]);
    }
}

/// Works on chunks, each on one of the workspace's threads.
fn share<'a, T: Real>(
    plan: &'a Plan<'a, T>,
    workspace: &mut Workspace<T>,
    chunks: Vec<(Range<usize>, Task<'a, '_, T>)>,
) {
    let threads = workspace.threads().min(chunks.len()).max(1);
    workspace.rooms.resize_with(threads, Room::default);
    let next = Mutex::new(chunks.into_iter());
    let work = |room: &mut Room<T>| {
        loop {
            // Poisoned only where another thread panicked; its panic comes through the scope.
            let Some((range, task)) = next.lock().ok().and_then(|mut n| n.next()) else {
                return;
            };
            Arch::new().dispatch(Chunk {
                plan,
                room,
                range,
                task,
            });
        }
    };
    match workspace.rooms.as_mut_slice() {
        [] => {}
        [own] => work(own),
        [own, others @ ..] => std::thread::scope(|scope| {
            for room in others {
                scope.spawn(|| work(room));
            }
            work(own);
        }),
    }
}

/// Splits lists of one number per point into those of each chunk: `[chunk][list]`.
fn split<'m, X>(
    lists: impl Iterator<Item = &'m mut [X]>,
    chunks: &[Range<usize>],
) -> Vec<Vec<&'m mut [X]>> {
    let mut out: Vec<Vec<&'m mut [X]>> = chunks.iter().map(|_| Vec::new()).collect();
    for mut list in lists {
        for (chunk, out) in chunks.iter().zip(&mut out) {
            let (own, rest) = list.split_at_mut(chunk.len());
            list = rest;
            out.push(own);
        }
    }
    out
}

/// Values as columns of all points.
pub(super) fn values<T: Real>(plan: &Plan<'_, T>, workspace: &mut Workspace<T>, out: &mut [T]) {
    let n = plan.count();
    if n == 0 {
        return;
    }
    let chunks = plan.chunks();
    let columns = split(out.chunks_exact_mut(n), &chunks);
    let work = chunks
        .into_iter()
        .zip(columns.into_iter().map(Task::Values));
    share(plan, workspace, work.collect());
}

/// The sum of a loss; its gradient is added.
pub(super) fn loss<T: Real>(
    plan: &Plan<'_, T>,
    workspace: &mut Workspace<T>,
    loss: &LossOf<'_, T>,
    gradient: &mut [T],
) -> f64 {
    let chunks = plan.chunks();
    if chunks.is_empty() {
        return 0.0;
    }
    let size = plan.p.len() * machine::<T>().0;
    let mut partial = std::mem::take(&mut workspace.partial);
    let mut sums = vec![0.0; chunks.len()];
    let places = partial.fit(chunks.len() * size).chunks_exact_mut(size);
    let work = chunks.into_iter().zip(sums.iter_mut().zip(places));
    let work = work.map(|(range, (sum, gradient))| {
        let task = Task::Loss {
            loss,
            sum,
            gradient,
        };
        (range, task)
    });
    share(plan, workspace, work.collect());
    Arch::new().dispatch(Sum {
        partial: &partial,
        size,
        gradient,
    });
    workspace.partial = partial;
    sums.iter().sum()
}

/// Adds all chunks' gradients, in their order, and the lanes of the sums.
struct Sum<'a, T> {
    partial: &'a [T],
    size: usize,
    gradient: &'a mut [T],
}

impl<T: Real> WithSimd for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (first, others) = self.partial.split_at(self.size);
        let others = T::vectors::<S>(others);
        let size = self.size / T::lanes::<S>();
        let parameters = T::vectors::<S>(first).iter().zip(self.gradient);
        for (k, (first, to)) in parameters.enumerate() {
            let mut sum = *first;
            for other in others.iter().skip(k).step_by(size) {
                sum = T::plus(simd, sum, *other);
            }
            *to += T::sum(simd, sum);
        }
    }
}

/// Rows of a Jacobian, those of each kind one after the other.
pub(super) fn rows<T: Real>(
    plan: &Plan<'_, T>,
    workspace: &mut Workspace<T>,
    seeds: &[T],
    rows: MatMut<'_, T>,
) {
    let chunks = plan.chunks();
    let mut own: Vec<Vec<MatMut<'_, T>>> = chunks.iter().map(|_| Vec::new()).collect();
    let mut rest = rows;
    while rest.nrows() > 0 && !chunks.is_empty() {
        for (chunk, own) in chunks.iter().zip(&mut own) {
            let (first, others) = rest.split_at_row_mut(chunk.len());
            rest = others;
            own.push(first);
        }
    }
    let work = chunks.into_iter().zip(own);
    let work = work.map(|(range, rows)| (range, Task::Rows { seeds, rows }));
    share(plan, workspace, work.collect());
}
