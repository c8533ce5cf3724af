//! Which names are fields.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{KEYWORDS, applications};
use super::names::Names;
use super::text::Text;
use super::{ParameterSpec, ProblemSpec};
use crate::error::{Error, Result};
use crate::expr::Function;

/// The fields in the order of their first appearance in the equations.
pub(super) fn fields(
    spec: &ProblemSpec,
    names: &Names,
    parameters: &BTreeMap<String, ParameterSpec>,
    equations: &[Text],
    conditions: &[Text],
) -> Result<Vec<String>> {
    let plain = |name: &str| {
        Function::by_name(name).is_none()
            && !matches!(name, "pi" | "e" | "inf" | "nan" | "pow" | "laplacian")
            && !KEYWORDS.contains(&name)
    };
    let given = |name: &str| {
        parameters.contains_key(name)
            || names.functions.contains(name)
            || names.coordinates.iter().any(|c| c.name == name)
    };
    let mut found: BTreeSet<String> = BTreeSet::new();
    let declared = spec
        .fields
        .iter()
        .chain(spec.data.iter().flat_map(|d| &d.fields));
    for name in declared {
        if given(name) || name.is_empty() || !plain(name) {
            return Err(Error::invalid(
                "fields",
                name,
                "a name that is no parameter, coordinate or function",
            ));
        }
        found.insert(name.clone());
    }
    // Words without derivative, that may be fields.
    let mut open: BTreeSet<String> = BTreeSet::new();
    // Where each name stands first.
    let mut first: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (number, text) in equations.iter().enumerate() {
        let words = text.words();
        let ranges = |names: &[&str]| -> Result<Vec<(usize, usize)>> {
            let calls = words.iter().filter(|w| names.contains(&w.name.as_str()));
            let opened = calls.filter_map(|w| text.opening(w));
            opened.map(|open| Ok((open, text.closing(open)?))).collect()
        };
        let (laps, integrals) = (ranges(&["lap", "laplacian"])?, ranges(&["int"])?);
        for word in words {
            let base = names.base(&word.name).unwrap_or(&word.name).to_string();
            for name in [base, word.name.clone()] {
                first.entry(name).or_insert((number, word.start));
            }
            let applied = text.opening(&word).is_some();
            if given(&word.name) || (applied && !plain(&word.name)) {
                continue;
            }
            let within = |ranges: &[(usize, usize)]| {
                let at = word.start;
                ranges.iter().any(|(open, close)| *open < at && at < *close)
            };
            if word.primes > 0 {
                found.insert(word.name);
            } else if let Some(base) = names.base(&word.name) {
                found.insert(base.to_string());
            } else if within(&laps) || (applied && within(&integrals)) {
                found.insert(word.name);
            } else if plain(&word.name) {
                open.insert(word.name);
            }
        }
    }
    for text in conditions {
        let heads: BTreeSet<usize> = applications(text)?.iter().map(|a| a.word.start).collect();
        for word in text.words() {
            if given(&word.name) || !plain(&word.name) {
                continue;
            }
            let name = names.base(&word.name).unwrap_or(&word.name).to_string();
            // A head, or a name that equations have too and nothing else explains.
            if open.contains(&name) || (heads.contains(&word.start) && found.contains(&name)) {
                found.insert(name);
            }
        }
    }
    let mut order: Vec<(usize, usize, String)> = Vec::new();
    for name in found {
        let place = first.get(&name).copied();
        let Some((k, start)) = place else {
            return Err(Error::invalid(
                "fields",
                &name,
                "fields that stand in an equation",
            ));
        };
        order.push((k, start, name));
    }
    if order.is_empty() {
        return Err(Error::invalid(
            "equations",
            equations.first().map_or("", |t| t.host.as_str()),
            "at least one derivative, such as u_t or y', or a list `fields`",
        ));
    }
    order.sort();
    Ok(order.into_iter().map(|(.., name)| name).collect())
}
