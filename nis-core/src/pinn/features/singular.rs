//! Which singular functions the corners of a plane domain call for.
//!
//! Near a corner of opening `w` a solution of an elliptic equation of second order is a sum of `r^a sin(a theta)`
//! (or cosines), `a = k pi / w` between two edges of the same kind of condition and `(k - 1/2) pi / w` between
//! different kinds, of those times `r^2, r^4, ...`, of smooth functions, and, where `a` is whole, of
//! `r^a (log r sin(a theta) + theta cos(a theta))` (Fix, Gulati and Wakoff, J. Comput. Phys. 13 (1973) 209; Gopal and
//! Trefethen, SIAM J. Numer. Anal. 57 (2019) 2074).

use std::f64::consts::PI;

use super::super::problem::{Place, Problem, Role};
use super::basis::Block;
use super::corner::{Corner, Term};

/// Highest power of `r` at a corner, and powers of `r^2` beside the first: where the equation has second derivatives
/// only, and where it has other terms too.
const HARMONIC: (f64, u8) = (20.0, 0);
const OTHER: (f64, u8) = (9.0, 2);

/// Whether the conditions on a part of the boundary give the value (`Some(true)`) or a slope.
fn gives_value(problem: &Problem, part: usize) -> Option<bool> {
    let mut answer = None;
    for condition in &problem.conditions {
        let here = match &condition.place {
            Place::Boundary => true,
            Place::Part(k) => *k == part,
            // A box's edges run counter-clockwise from the lower one.
            Place::Face { axis, value } => {
                let [low, high] = problem.domain.ranges.get(*axis)?;
                problem.domain.is_box()
                    && match part {
                        0 => *axis == 1 && value == low,
                        1 => *axis == 0 && value == high,
                        2 => *axis == 1 && value == high,
                        3 => *axis == 0 && value == low,
                        _ => false,
                    }
            }
            _ => false,
        };
        if here {
            let jets = condition.residual.by_jet.iter();
            let orders = jets.filter_map(|(j, _)| problem.jets.get(*j));
            let slope = orders
                .map(|j| j.order.iter().map(|n| u32::from(*n)).sum::<u32>())
                .max();
            answer = Some(slope == Some(0));
        }
    }
    answer
}

/// Functions for the corners, those that point inward or all.
pub(super) fn singular(problem: &Problem, all: bool) -> Vec<Block> {
    let plane = problem.coordinates.len() == 2
        && problem.fields.len() == 1
        && (problem.is_linear() || problem.eigen.is_some())
        && problem.coordinates.iter().all(|c| c.role == Role::Space)
        && problem.highest(0) == 2
        && problem.highest(1) == 2;
    if !plane {
        return Vec::new();
    }
    let length = problem
        .domain
        .ranges
        .iter()
        .map(|[a, b]| b - a)
        .fold(0.0, f64::max);
    let second = |jet: &usize| {
        let order = problem.jets.get(*jet).map(|j| &j.order);
        order.is_some_and(|o| o.iter().sum::<u8>() == 2)
    };
    let mut used = problem.equations.iter().flat_map(|e| &e.by_jet);
    let (highest, most) = if used.all(|(jet, _)| second(jet)) {
        HARMONIC
    } else {
        OTHER
    };
    let mut blocks = Vec::new();
    for corner in problem.domain.corners() {
        if !all && !corner.is_reentrant() {
            continue;
        }
        let kinds = corner.parts.map(|p| gives_value(problem, p));
        let [Some(first), Some(second)] = kinds else {
            continue;
        };
        let shift = if first == second { 0.0 } else { 0.5 };
        let mut terms = Vec::new();
        for k in 1..64 {
            let power = (f64::from(k) - shift) * PI / corner.angle;
            if power > highest {
                break;
            }
            let log = (power - power.round()).abs() < 1e-9;
            let lifts = if log { 0 } else { most };
            for lift in 0..=lifts {
                terms.push(Term {
                    power,
                    lift,
                    sine: first,
                    log,
                });
            }
        }
        blocks.push(Block::Corner(Corner {
            at: corner.at,
            from: corner.start,
            opening: corner.angle,
            length,
            terms,
        }));
    }
    blocks
}
