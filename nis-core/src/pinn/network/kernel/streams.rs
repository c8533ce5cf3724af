//! Which derivatives travel through a network together, and how those of `tanh` follow from those of its argument.

use crate::error::{Error, Result};

/// Most derivatives that may travel together.
const MOST: usize = 256;

/// Highest total order of a derivative.
const HIGHEST: u32 = 12;

/// A set of derivatives (*streams*) with respect to the inputs, closed downwards: with `u_xxy` it holds `u`, `u_x`,
/// `u_y`, `u_xx` and `u_xy` too. Stream 0 is the value; lower orders come first.
///
/// ```
/// use nis_core::pinn::network::kernel::Streams;
/// // u_t and u_xx over (x, t)
/// let streams = Streams::closing(&[vec![0, 1], vec![2, 0]])?;
/// assert_eq!(streams.orders(), [[0, 0], [1, 0], [0, 1], [2, 0]]);
/// assert_eq!(streams.index_of(&[0, 1]), Some(2));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Streams {
    orders: Vec<Vec<u8>>,
    pub(super) order: Order,
    pub(super) chain: Vec<Link>,
}

/// How high the derivatives go, for the kernels that are made for few.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Order {
    /// To the second at most: the number of first ones, and for each second one the first ones that it belongs to.
    Second(usize, Vec<[usize; 2]>),
    Higher,
}

/// How one derivative of `h = tanh(z)` is made. With `q = 1 - h^2`, so that `h_i = q z_i` for each input `i`, Leibniz'
/// rule gives a derivative of `h` from those of `q` of lower order and those of `z`, and one of `q` from those of `h`
/// up to its own order (Griewank and Walther, Evaluating Derivatives, 2008, table 13.2, for several variables).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    /// `h_a = sum of c q_b z_d` over `(c, b, d)`; empty for the value.
    pub(super) tanh: Vec<(f64, usize, usize)>,
    /// `q_a = [a = 0] - sum of c h_b h_d` over `(c, b, d)` with `b <= d`; empty where no other needs `q_a`.
    pub(super) square: Vec<(f64, usize, usize)>,
}

impl Streams {
    /// The smallest closed set that holds these derivatives: `orders[k][input]` times by each input.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no order or their lengths differ; [`Error::Limit`] above a total order
    /// of 12 or 256 streams.
    pub fn closing(orders: &[Vec<u8>]) -> Result<Self> {
        let inputs = match orders.first() {
            Some(first) if !first.is_empty() => first.len(),
            _ => {
                return Err(Error::invalid(
                    "orders",
                    "none",
                    "a derivative's order by each input",
                ));
            }
        };
        let mut all = vec![vec![0; inputs]];
        for order in orders {
            if order.len() != inputs {
                return Err(Error::invalid(
                    "orders",
                    format!("{order:?}"),
                    format!("{inputs} numbers"),
                ));
            }
            let total: u32 = order.iter().map(|k| u32::from(*k)).sum();
            if total > HIGHEST {
                return Err(Error::Limit {
                    what: "order of a derivative".into(),
                    limit: u64::from(HIGHEST),
                    got: u64::from(total),
                });
            }
            let count: u64 = order.iter().map(|k| u64::from(*k) + 1).product();
            let below = below(order)
                .filter(|b| !all.contains(b))
                .collect::<Vec<_>>();
            if count > MOST as u64 || all.len() + below.len() > MOST {
                return Err(Error::Limit {
                    what: "derivatives in one network".into(),
                    limit: MOST as u64,
                    got: count.max((all.len() + below.len()) as u64),
                });
            }
            all.extend(below);
        }
        all.sort_by_key(|order| {
            let total: u32 = order.iter().map(|k| u32::from(*k)).sum();
            let back: Vec<u8> = order.iter().map(|k| u8::MAX - k).collect();
            (total, back)
        });
        let chain = links(&all);
        let order = order(&all);
        Ok(Streams {
            orders: all,
            order,
            chain,
        })
    }

    /// The derivatives, the value first.
    pub fn orders(&self) -> &[Vec<u8>] {
        &self.orders
    }

    /// Where a derivative stands; `None` where it is not in the set.
    pub fn index_of(&self, order: &[u8]) -> Option<usize> {
        self.orders.iter().position(|o| o == order)
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.orders.first().map_or(0, Vec::len)
    }

    /// Number of streams, at least 1.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.orders.len()
    }
}

/// All orders that are nowhere above this one, itself included.
fn below(order: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let count: usize = order.iter().map(|k| usize::from(*k) + 1).product();
    (0..count).map(move |mut number| {
        let digits = order.iter().map(|k| {
            let base = usize::from(*k) + 1;
            let digit = number % base;
            number /= base;
            digit as u8
        });
        digits.collect()
    })
}

fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a.saturating_sub(*b)).collect()
}

/// The product of binomials `a` over `b`.
fn binomial(a: &[u8], b: &[u8]) -> f64 {
    let one = |n: u8, k: u8| (0..k).fold(1.0, |c, j| c * f64::from(n - j) / f64::from(j + 1));
    a.iter().zip(b).map(|(n, k)| one(*n, *k)).product()
}

fn order(orders: &[Vec<u8>]) -> Order {
    let total = |order: &[u8]| order.iter().map(|k| u32::from(*k)).sum::<u32>();
    let (mut firsts, mut pairs) = (Vec::new(), Vec::new());
    for (at, order) in orders.iter().enumerate() {
        match total(order) {
            0 => {}
            1 => firsts.push((order.iter().position(|k| *k > 0), at)),
            2 => {
                let mut of = firsts
                    .iter()
                    .filter(|(axis, _)| axis.and_then(|a| order.get(a)).is_some_and(|k| *k > 0));
                match (of.next(), of.next_back()) {
                    (Some((_, first)), second) => {
                        pairs.push([*first, second.map_or(*first, |s| s.1)]);
                    }
                    _ => return Order::Higher,
                }
            }
            _ => return Order::Higher,
        }
    }
    Order::Second(firsts.len(), pairs)
}

fn links(orders: &[Vec<u8>]) -> Vec<Link> {
    let at = |order: &[u8]| orders.iter().position(|o| o == order);
    let mut chain: Vec<Link> = Vec::with_capacity(orders.len());
    let mut used = vec![false; orders.len()];
    for order in orders {
        let mut tanh = Vec::new();
        if let Some(axis) = order.iter().position(|k| *k > 0) {
            let mut lower = order.clone();
            lower[axis] -= 1;
            for b in below(&lower) {
                if let (Some(q), Some(z)) = (at(&b), at(&minus(order, &b))) {
                    tanh.push((binomial(&lower, &b), q, z));
                    used[q] = true;
                }
            }
        }
        chain.push(Link {
            tanh,
            square: Vec::new(),
        });
    }
    for ((link, order), used) in chain.iter_mut().zip(orders).zip(used) {
        if !used {
            continue;
        }
        for b in below(order) {
            if let (Some(first), Some(second)) = (at(&b), at(&minus(order, &b))) {
                let c = binomial(order, &b);
                if first < second {
                    link.square.push((2.0 * c, first, second));
                } else if first == second {
                    link.square.push((c, first, second));
                }
            }
        }
    }
    chain
}
