//! Formulas, units and constants as tools.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Tool, read};
use crate::error::{Error, Result};
use crate::expr::{Expr, constants, units, units::Unit};

/// Computes a formula.
#[derive(Debug, Clone, Copy)]
pub struct Calculate;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalculateArguments {
    expression: String,
}

impl Tool for Calculate {
    fn name(&self) -> &'static str {
        "calculate"
    }

    fn description(&self) -> &'static str {
        "Computes a formula of numbers in double precision. Operators + - * / ^, functions sqrt, exp, log (natural), \
         sin, cos, tan, atan, sinh, cosh, tanh, abs, pow(a, b), constants pi and e. Use it for every calculation."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "for example 2^10/3 or sqrt(2)*pi"}},
            "required": ["expression"],
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, _: &Context<'_>) -> Result<Value> {
        let CalculateArguments { expression } = read(self.name(), arguments)?;
        let formula = Expr::parse(&expression)?;
        if let Some(name) = formula.names().first() {
            return Err(Error::invalid(
                "calculate.expression",
                name,
                "a formula without names other than pi and e",
            ));
        }
        let value = formula.compile(&[])?.evaluate_point(&[]);
        if !value.is_finite() {
            return Err(Error::numerical(
                "calculate",
                format!("{expression} has no finite value"),
            ));
        }
        Ok(json!({"expression": expression, "value": value}))
    }
}

/// Converts a quantity to another unit.
#[derive(Debug, Clone, Copy)]
pub struct ConvertUnits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConvertArguments {
    value: f64,
    from: String,
    to: String,
}

impl Tool for ConvertUnits {
    fn name(&self) -> &'static str {
        "convert_units"
    }

    fn description(&self) -> &'static str {
        "Converts a quantity from one unit to another, and refuses units of different dimension. Units are written \
         km/h, m s^-2, kWh, degC, eV."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "from": {"type": "string", "description": "its unit"},
                "to": {"type": "string", "description": "the unit wanted"},
            },
            "required": ["value", "from", "to"],
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, _: &Context<'_>) -> Result<Value> {
        let ConvertArguments { value, from, to } = read(self.name(), arguments)?;
        let result = units::convert(value, &Unit::parse(&from)?, &Unit::parse(&to)?)?;
        if !result.is_finite() {
            return Err(Error::numerical(
                "convert_units",
                format!("{value} {from} is out of range in {to}"),
            ));
        }
        Ok(json!({"value": value, "from": from, "result": result, "to": to}))
    }
}

/// Gives a physical constant.
#[derive(Debug, Clone, Copy)]
pub struct FindConstant;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstantArguments {
    name: String,
    #[serde(default)]
    unit: Option<String>,
}

impl Tool for FindConstant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn description(&self) -> &'static str {
        "Gives the value, standard uncertainty and unit of a physical constant (CODATA 2022) by its name or symbol."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "for example speed of light, Planck constant, k_B"},
                "unit": {"type": "string", "description": "the unit wanted; SI where left out"},
            },
            "required": ["name"],
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, _: &Context<'_>) -> Result<Value> {
        let ConstantArguments { name, unit } = read(self.name(), arguments)?;
        let constant = constants::find(&name).ok_or_else(|| Error::NotFound {
            what: "constant".into(),
            name,
        })?;
        let own = Unit::parse(constant.unit)?;
        let unit = unit.unwrap_or_else(|| constant.unit.to_owned());
        let wanted = Unit::parse(&unit)?;
        Ok(json!({
            "name": constant.name,
            "symbol": constant.symbol,
            "value": units::convert(constant.value, &own, &wanted)?,
            // A difference, so without the zero of the scale.
            "uncertainty": constant.uncertainty * (own.factor / wanted.factor),
            "unit": unit,
            "source": "CODATA 2022",
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Toolbox;
    use super::*;
    use crate::telemetry::Progress;
    use std::sync::Arc;

    fn call(name: &str, arguments: Value) -> Result<Value> {
        let mut tools = Toolbox::default();
        for tool in [
            Arc::new(Calculate) as Arc<dyn Tool>,
            Arc::new(ConvertUnits),
            Arc::new(FindConstant),
        ] {
            tools.add(tool).unwrap();
        }
        let context = Context {
            user: "ann",
            progress: Progress::none(),
        };
        tools.call(name, &arguments.to_string(), &context)
    }

    #[test]
    fn they_compute() {
        assert_eq!(
            call("calculate", json!({"expression": "2+2"})).unwrap()["value"],
            4.0
        );
        let v = call(
            "convert_units",
            json!({"value": 100, "from": "km/h", "to": "m/s"}),
        )
        .unwrap();
        assert!((v["result"].as_f64().unwrap() - 27.777777777777779).abs() <= 1e-12);
        let v = call("constant", json!({"name": "c", "unit": "km/s"})).unwrap();
        assert!((v["value"].as_f64().unwrap() - 299792.458).abs() <= 1e-9);
        assert_eq!(v["uncertainty"], 0.0);
    }

    #[test]
    fn bad_arguments_are_named() {
        for (name, arguments, field) in [
            ("calculate", json!({}), Some("calculate")),
            (
                "calculate",
                json!({"expression": 3}),
                Some("calculate.expression"),
            ),
            (
                "calculate",
                json!({"expression": "2", "more": 1}),
                Some("calculate.more"),
            ),
            (
                "calculate",
                json!({"expression": "x+1"}),
                Some("calculate.expression"),
            ),
            ("calculate", json!({"expression": "2+"}), Some("formula")),
            ("calculate", json!({"expression": "1/0"}), None),
            (
                "convert_units",
                json!({"value": 1, "from": "kg", "to": "m"}),
                Some("unit"),
            ),
            (
                "convert_units",
                json!({"value": "1", "from": "kg", "to": "g"}),
                Some("convert_units.value"),
            ),
            ("constant", json!({"name": "luck"}), Some("constant")),
            ("nothing", json!({}), Some("tool")),
        ] {
            let e = call(name, arguments.clone()).unwrap_err();
            assert_eq!(e.field(), field, "{name} {arguments}: {e}");
        }
    }
}
