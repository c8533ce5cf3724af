//! Samples in the four kinds that numpy has for them.

use nis_core::laplace::forward::Sample;
use num_complex::{Complex32, Complex64};
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

/// Channels in rows: contiguous, of one of four kinds.
#[derive(FromPyObject)]
pub(crate) enum Samples<'py> {
    F64(PyReadonlyArray2<'py, f64>),
    F32(PyReadonlyArray2<'py, f32>),
    C128(PyReadonlyArray2<'py, Complex64>),
    C64(PyReadonlyArray2<'py, Complex32>),
}

/// What is done with the channels, whatever their kind.
pub(crate) trait WithSamples {
    type Output;
    fn run<T: Sample + 'static>(self, channels: &[&[T]]) -> Self::Output;
}

/// Owned channels, for work that may outlive the call that Ctrl-C ends.
pub(crate) enum Owned {
    F64(Vec<Vec<f64>>),
    F32(Vec<Vec<f32>>),
    C128(Vec<Vec<Complex64>>),
    C64(Vec<Vec<Complex32>>),
}

fn rows<'a, T: numpy::Element>(array: &'a PyReadonlyArray2<'_, T>) -> Vec<&'a [T]> {
    let length = array.as_array().ncols();
    match array.as_slice() {
        Ok(all) if length > 0 => all.chunks_exact(length).collect(),
        _ => vec![&[]; array.as_array().nrows()],
    }
}

fn borrow<T>(rows: &[Vec<T>]) -> Vec<&[T]> {
    rows.iter().map(Vec::as_slice).collect()
}

impl Samples<'_> {
    /// Number of samples in all channels.
    pub(crate) fn len(&self) -> usize {
        match self {
            Samples::F64(a) => a.as_array().len(),
            Samples::F32(a) => a.as_array().len(),
            Samples::C128(a) => a.as_array().len(),
            Samples::C64(a) => a.as_array().len(),
        }
    }

    /// Works on the arrays where they lie.
    pub(crate) fn with<W: WithSamples>(&self, work: W) -> W::Output {
        match self {
            Samples::F64(a) => work.run(&rows(a)),
            Samples::F32(a) => work.run(&rows(a)),
            Samples::C128(a) => work.run(&rows(a)),
            Samples::C64(a) => work.run(&rows(a)),
        }
    }

    pub(crate) fn to_owned(&self) -> Owned {
        fn all<T: numpy::Element + Copy>(a: &PyReadonlyArray2<'_, T>) -> Vec<Vec<T>> {
            rows(a).iter().map(|row| row.to_vec()).collect()
        }
        match self {
            Samples::F64(a) => Owned::F64(all(a)),
            Samples::F32(a) => Owned::F32(all(a)),
            Samples::C128(a) => Owned::C128(all(a)),
            Samples::C64(a) => Owned::C64(all(a)),
        }
    }
}

impl Owned {
    pub(crate) fn with<W: WithSamples>(&self, work: W) -> W::Output {
        match self {
            Owned::F64(a) => work.run(&borrow(a)),
            Owned::F32(a) => work.run(&borrow(a)),
            Owned::C128(a) => work.run(&borrow(a)),
            Owned::C64(a) => work.run(&borrow(a)),
        }
    }
}
