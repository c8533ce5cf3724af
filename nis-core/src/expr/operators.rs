//! `+`, `-`, `*`, `/` on formulas. Each gives a [`Result`]: a formula has limits that any operation may meet.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::node::Expr;
use crate::error::Result;

impl From<f64> for Expr {
    fn from(value: f64) -> Self {
        Expr::number(value)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $build:ident) => {
        operator!($trait, $method, $build, &Expr, &Expr);
        operator!($trait, $method, $build, &Expr, Expr);
        operator!($trait, $method, $build, Expr, &Expr);
        operator!($trait, $method, $build, Expr, Expr);

        impl $trait<f64> for &Expr {
            type Output = Result<Expr>;
            fn $method(self, other: f64) -> Self::Output {
                self.$build(&Expr::number(other))
            }
        }

        impl $trait<f64> for Expr {
            type Output = Result<Expr>;
            fn $method(self, other: f64) -> Self::Output {
                self.$build(&Expr::number(other))
            }
        }
    };
    ($trait:ident, $method:ident, $build:ident, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Result<Expr>;
            fn $method(self, other: $right) -> Self::Output {
                Expr::$build(&self, &other)
            }
        }
    };
}

operator!(Add, add, plus);
operator!(Sub, sub, minus);
operator!(Mul, mul, times);
operator!(Div, div, over);

impl Neg for &Expr {
    type Output = Result<Expr>;
    fn neg(self) -> Self::Output {
        self.negated()
    }
}

impl Neg for Expr {
    type Output = Result<Expr>;
    fn neg(self) -> Self::Output {
        self.negated()
    }
}
