//! A graph of ONNX that is being built: operators, constants, names.

use std::collections::HashMap;

use super::wire::Message;
use crate::error::{Error, Result};
use crate::kan::Precision;

/// Version of the operator set.
const OPSET: i64 = 17;
/// Version of the file format that belongs to it.
const IR: i64 = 8;

/// Element types of `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// The next number that the precision holds.
pub(super) fn next_up(v: f64, precision: Precision) -> f64 {
    match precision {
        Precision::F64 => v.next_up(),
        Precision::F32 => f64::from((v as f32).next_up()),
    }
}

/// A value of the graph, by name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value(pub(super) String);

/// An attribute of an operator.
pub(super) enum Attribute {
    Integer(&'static str, i64),
}

pub(super) struct Graph {
    precision: Precision,
    nodes: Vec<Message>,
    constants: Vec<Message>,
    /// Constants by shape and bits, so that none is written twice.
    known: HashMap<(Vec<usize>, Vec<u64>), Value>,
    count: usize,
}

impl Graph {
    pub(super) fn new(precision: Precision) -> Self {
        Graph {
            precision,
            nodes: Vec::new(),
            constants: Vec::new(),
            known: HashMap::new(),
            count: 0,
        }
    }

    fn fresh(&mut self, what: &str) -> Value {
        self.count += 1;
        Value(format!("{what}_{}", self.count))
    }

    fn element(&self) -> i64 {
        match self.precision {
            Precision::F64 => DOUBLE,
            Precision::F32 => FLOAT,
        }
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// A number as the file will hold it.
    pub(super) fn rounded(&self, v: f64) -> f64 {
        match self.precision {
            Precision::F64 => v,
            Precision::F32 => f64::from(v as f32),
        }
    }

    /// A constant tensor; `field` names it where its values do not fit.
    pub(super) fn constant(
        &mut self,
        field: &str,
        shape: &[usize],
        values: &[f64],
    ) -> Result<Value> {
        let key = (
            shape.to_vec(),
            values.iter().map(|v| v.to_bits()).collect::<Vec<u64>>(),
        );
        if let Some(value) = self.known.get(&key) {
            return Ok(value.clone());
        }
        let name = self.fresh("c");
        let raw: Vec<u8> = match self.precision {
            Precision::F64 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::F32 => {
                if let Some(bad) = values
                    .iter()
                    .find(|v| v.is_finite() && !(**v as f32).is_finite())
                {
                    return Err(Error::invalid(
                        field,
                        bad,
                        "a value within the range of float",
                    ));
                }
                values
                    .iter()
                    .flat_map(|v| (*v as f32).to_le_bytes())
                    .collect()
            }
        };
        self.store(&name, shape, self.element(), &raw);
        self.known.insert(key, name.clone());
        Ok(name)
    }

    /// A constant of one number.
    pub(super) fn number(&mut self, field: &str, v: f64) -> Result<Value> {
        self.constant(field, &[1], &[v])
    }

    /// A list of integers, for shapes and indices.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        let name = self.fresh("i");
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.store(&name, &[values.len()], INT64, &raw);
        name
    }

    fn store(&mut self, name: &Value, shape: &[usize], element: i64, raw: &[u8]) {
        let mut tensor = Message::default();
        for size in shape {
            tensor = tensor.integer(1, *size as i64);
        }
        let tensor = tensor.integer(2, element).text(8, &name.0).bytes(9, raw);
        self.constants.push(tensor);
    }

    /// An operator with one output.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, inputs, &[])
    }

    pub(super) fn node_with(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute],
    ) -> Value {
        let out = self.fresh("v");
        self.emit(operator, inputs, &out, attributes);
        out
    }

    fn emit(&mut self, operator: &str, inputs: &[&Value], out: &Value, attributes: &[Attribute]) {
        let mut node = Message::default();
        for input in inputs {
            node = node.text(1, &input.0);
        }
        node = node
            .text(2, &out.0)
            .text(3, &format!("n_{}", out.0))
            .text(4, operator);
        for Attribute::Integer(name, v) in attributes {
            // Kind 2 of AttributeProto is an integer.
            let attribute = Message::default().text(1, name).integer(3, *v);
            node = node.message(5, attribute.integer(20, 2));
        }
        self.nodes.push(node);
    }

    /// In single precision.
    pub(super) fn single(&mut self, a: &Value) -> Value {
        self.node_with("Cast", &[a], &[Attribute::Integer("to", FLOAT)])
    }

    /// Truth values as 0 and 1.
    pub(super) fn cast(&mut self, truth: &Value) -> Value {
        let to = self.element();
        self.node_with("Cast", &[truth], &[Attribute::Integer("to", to)])
    }

    /// The file: a graph from `input` (`[rows][inputs]`) to `output` (`[rows][outputs]`).
    pub(super) fn finish(
        mut self,
        input: (&Value, usize),
        last: &Value,
        output: (&str, usize),
        metadata: &[(&str, String)],
    ) -> Vec<u8> {
        let result = Value(output.0.to_owned());
        self.emit("Identity", &[last], &result, &[]);
        let element = self.element();
        let described = |name: &str, width: usize| {
            let rows = Message::default().text(2, "rows");
            let columns = Message::default().integer(1, width as i64);
            let shape = Message::default().message(1, rows).message(1, columns);
            let tensor = Message::default().integer(1, element).message(2, shape);
            Message::default()
                .text(1, name)
                .message(2, Message::default().message(1, tensor))
        };
        let mut graph = Message::default();
        for node in self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, "kan");
        for constant in self.constants {
            graph = graph.message(5, constant);
        }
        graph = graph
            .message(11, described(&input.0.0, input.1))
            .message(12, described(output.0, output.1));
        let mut model = Message::default()
            .integer(1, IR)
            .text(2, "nis")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, graph)
            .message(8, Message::default().text(1, "").integer(2, OPSET));
        for (key, value) in metadata {
            model = model.message(14, Message::default().text(1, key).text(2, value));
        }
        model.0
    }
}
