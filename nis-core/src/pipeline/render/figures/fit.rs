//! Figures of fitted equations.

use super::{HALF, discs, line, names, observations, short_time};
use crate::pinn::{FittedState, OdeFit};
use crate::pipeline::Series;
use crate::pipeline::render::axis::AxisSpec;
use crate::pipeline::render::number::short;
use crate::pipeline::render::plot::{Layer, Plot, Role, Shape};
use crate::pipeline::render::thin;

/// A field's observations with the fitted trajectory.
pub(in crate::pipeline::render) fn trajectory(
    fit: &OdeFit,
    state: &FittedState,
    series: Option<&Series>,
    time: &str,
    size: (f64, f64),
) -> Plot {
    let fitted = line(Role::Model, fit.t.clone(), state.values.clone(), "equation");
    let mut layers = vec![fitted];
    if let Some(s) = series {
        let data = observations(&s.t, &s.y, time, "data");
        if s.t.len() > thin::FEW {
            layers.insert(0, data);
        } else {
            layers.push(data);
        }
    }
    Plot {
        size,
        x: AxisSpec::linear(time).tight(),
        y: AxisSpec::linear(&state.name),
        right: None,
        layers,
        title: format!("{} against {time}: data and fitted equation", state.name),
    }
}

/// Standardised residuals of a field, with lines at two standard deviations.
pub(in crate::pipeline::render) fn residuals(
    fit: &OdeFit,
    state: &FittedState,
    time: &str,
    width: f64,
) -> Option<Plot> {
    let residuals = state.standardised_residuals.as_ref()?;
    let t = fit.t_observed.clone();
    let names = names(&t, residuals, |_, t, r| {
        format!("{time} {}: {} standard deviations", short_time(t), short(r))
    });
    let mut layers = vec![Layer::Level { y: 2.0 }, Layer::Level { y: -2.0 }];
    layers.push(Layer::Stems {
        x: t.clone(),
        y: residuals.clone(),
    });
    layers.push(Layer::Points {
        role: Role::Data,
        shape: Shape::Disc,
        radii: vec![2.0; t.len().min(thin::FEW)],
        x: t,
        y: residuals.clone(),
        names,
        key: String::new(),
    });
    Some(Plot {
        size: (width, 190.0),
        // The ends of the trajectory, so that both plots have the same times below one another.
        x: AxisSpec::linear(time)
            .tight()
            .including(&thin::ends(&fit.t)),
        y: AxisSpec::linear("residual (standard deviations)").including(&[-2.5, 2.5]),
        right: None,
        layers,
        title: format!("Standardised residuals of {} against {time}", state.name),
    })
}

/// Two fields against one another.
pub(in crate::pipeline::render) fn phase_plane(fit: &OdeFit, series: &[Series]) -> Option<Plot> {
    let [a, b] = fit.states.as_slice() else {
        return None;
    };
    let find = |name: &str| series.iter().find(|s| s.name == name);
    let (x, y) = (find(&a.name)?, find(&b.name)?);
    let names = names(&x.y, &y.y, |i, _, _| {
        x.t.get(i).map_or_else(String::new, |t| short_time(*t))
    });
    Some(Plot {
        size: HALF,
        x: AxisSpec::linear(&a.name),
        y: AxisSpec::linear(&b.name),
        right: None,
        layers: vec![
            line(Role::Model, a.values.clone(), b.values.clone(), "equation"),
            discs(Role::Data, x.y.clone(), y.y.clone(), names, "data"),
        ],
        title: format!("{} against {}: data and fitted equation", b.name, a.name),
    })
}
