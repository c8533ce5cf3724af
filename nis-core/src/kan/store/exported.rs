//! What the exports write down: a network with names and scaling.

use crate::kan::{Column, Kan, Model, Task};

/// A network between named, scaled columns.
pub(super) struct Exported<'a> {
    pub(super) net: &'a Kan,
    pub(super) inputs: Vec<Column>,
    pub(super) outputs: Vec<Column>,
    /// Whether the outputs are probabilities, the softmax of the scores.
    pub(super) softmax: bool,
}

impl<'a> Exported<'a> {
    /// A bare network: columns `x1, x2, ..` and `y` or `y1, y2, ..` as they are.
    pub(super) fn net(net: &'a Kan) -> Self {
        let names = crate::kan::Names::numbered(net.inputs(), net.outputs());
        let plain = |name: String| Column {
            name,
            shift: 0.0,
            scale: 1.0,
        };
        Exported {
            net,
            inputs: names.inputs.into_iter().map(plain).collect(),
            outputs: names.outputs.into_iter().map(plain).collect(),
            softmax: false,
        }
    }

    pub(super) fn model(model: &'a Model) -> Self {
        Exported {
            net: &model.net,
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            softmax: matches!(model.task, Task::Classification { .. }),
        }
    }
}
