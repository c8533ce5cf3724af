//! The provider that needs no network and is no language model.

use serde_json::{Value, json};

use super::message::{Completion, Finish, Message, Request, Role, ToolCall};
use super::question::Question;
use super::{Pending, Provider};
use crate::error::{Error, Result};
use crate::expr::{Expr, constants, units, units::Unit};

/// The offline provider's name, and that of its model.
pub const OFFLINE: &str = "offline";

/// What it says to everything else.
const CANNOT: &str = "No language model is configured, so I cannot answer this. Without one I can compute \
     arithmetic (\"What is 2^10/3?\"), convert units (\"convert 100 km/h to m/s\"), give physical constants \
     (\"speed of light\"), remember facts (\"remember that ...\") and analyse data given as JSON \
     (analyze {\"columns\": [{\"name\": \"t\", \"values\": [...]}, ...]}). Set OPENAI_API_KEY, or a provider in \
     the configuration, to reach a language model.";

/// Answers arithmetic, unit and constant questions by computing them, and asks for tools as a model does:
/// where the request offers a tool that fits, it calls it and words the result. To everything else it says
/// what it is not. Deterministic.
#[derive(Debug, Default, Clone, Copy)]
pub struct Offline;

impl Provider for Offline {
    fn name(&self) -> &str {
        OFFLINE
    }

    fn model(&self) -> &str {
        OFFLINE
    }

    fn real_ai(&self) -> bool {
        false
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(async move { Ok(complete(request)) })
    }
}

fn said(text: String) -> Completion {
    Completion {
        reasoning: None,
        blocks: Vec::new(),
        text,
        tool_calls: Vec::new(),
        refusal: None,
        finish: Finish::Stop,
        usage: None,
        model: Some(OFFLINE.into()),
    }
}

fn complete(request: &Request) -> Completion {
    let Some(asked) = request.messages.iter().rposition(|m| m.role == Role::User) else {
        return said(CANNOT.into());
    };
    let (message, later) = match request.messages.split_at_checked(asked) {
        Some((_, [message, later @ ..])) => (message, later),
        _ => return said(CANNOT.into()),
    };
    if later.iter().any(|m| m.role == Role::Tool) {
        return said(word_results(later));
    }
    if let Some(call) = tool_call(request, &message.content) {
        return Completion {
            tool_calls: vec![call],
            finish: Finish::ToolCalls,
            ..said(String::new())
        };
    }
    said(match Question::read(&message.content) {
        Some(question) => {
            answer(&question).unwrap_or_else(|e| format!("I could not compute this: {e}"))
        }
        None => CANNOT.into(),
    })
}

/// The call that the message asks for: by a question that a tool answers, or by a tool's name followed by
/// its arguments as a JSON object.
fn tool_call(request: &Request, message: &str) -> Option<ToolCall> {
    let offered = |name: &str| request.tools.iter().any(|t| t.name == name);
    let (name, arguments) = match Question::read(message) {
        Some(Question::Calculate { expression }) => {
            ("calculate", json!({"expression": expression}))
        }
        Some(Question::Convert { value, from, to }) => (
            "convert_units",
            json!({"value": value, "from": from, "to": to}),
        ),
        Some(Question::Constant { name, unit }) => match unit {
            Some(unit) => ("constant", json!({"name": name, "unit": unit})),
            None => ("constant", json!({"name": name})),
        },
        Some(Question::Remember { fact }) => ("remember", json!({"fact": fact})),
        Some(Question::Recall { query }) => ("recall", json!({"query": query})),
        None => {
            let start = message.find('{')?;
            let head = message.get(..start)?;
            let object = serde_json::Deserializer::from_str(message.get(start..)?)
                .into_iter::<Value>()
                .next()?
                .ok()
                .filter(Value::is_object)?;
            let named = request.tools.iter().find(|t| {
                head.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .any(|w| w == t.name)
            });
            match named {
                Some(tool) => (tool.name.as_str(), object),
                // Data with a request for an analysis in other words.
                None if object.get("columns").is_some() => ("analyze", object),
                None => return None,
            }
        }
    };
    offered(name).then(|| ToolCall {
        provider_ref: None,
        id: "call_0".into(),
        name: name.to_owned(),
        arguments: arguments.to_string(),
    })
}

/// Words the results of the calls since the user's message.
fn word_results(later: &[Message]) -> String {
    let calls = || later.iter().flat_map(|m| &m.tool_calls);
    let mut lines = Vec::new();
    for result in later.iter().filter(|m| m.role == Role::Tool) {
        let call = calls().find(|c| Some(&c.id) == result.tool_call_id.as_ref());
        let value: Value = serde_json::from_str(&result.content).unwrap_or(Value::Null);
        let name = call.map_or("", |c| c.name.as_str());
        lines.push(word_result(name, &value, &result.content));
    }
    lines.join("\n")
}

fn word_result(name: &str, value: &Value, raw: &str) -> String {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let float = |key: &str| value.get(key).and_then(Value::as_f64);
    if let Some(error) = value.get("error") {
        let message = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("it failed");
        return format!("The tool {name} failed: {message}");
    }
    let worded = match name {
        "calculate" => text("expression")
            .zip(float("value"))
            .map(|(e, v)| format!("{e} = {}", number(v))),
        "convert_units" => float("value")
            .zip(text("from"))
            .zip(float("result").zip(text("to")))
            .map(|((value, from), (result, to))| {
                format!("{} {from} = {} {to}", number(value), number(result))
            }),
        "constant" => {
            text("name")
                .zip(float("value"))
                .zip(text("unit"))
                .map(|((name, value), unit)| {
                    word_constant(name, value, float("uncertainty").unwrap_or(0.0), unit)
                })
        }
        "remember" => text("remembered").map(|fact| format!("I have stored: {fact}")),
        "recall" => value.get("facts").and_then(Value::as_array).map(|facts| {
            let facts: Vec<&str> = facts.iter().filter_map(Value::as_str).collect();
            if facts.is_empty() {
                "I have nothing stored about this.".to_owned()
            } else {
                format!("I have stored: {}", facts.join("; "))
            }
        }),
        "analyze" => value
            .get("findings")
            .and_then(Value::as_array)
            .map(|findings| {
                let lines: Vec<&str> = findings.iter().filter_map(Value::as_str).collect();
                if lines.is_empty() {
                    "The analysis came to no finding.".to_owned()
                } else {
                    lines.join("\n")
                }
            }),
        _ => None,
    };
    worded.unwrap_or_else(|| raw.to_owned())
}

fn word_constant(name: &str, value: f64, uncertainty: f64, unit: &str) -> String {
    let unit = if unit == "1" {
        String::new()
    } else {
        format!(" {unit}")
    };
    let certainty = if uncertainty == 0.0 {
        String::new()
    } else {
        format!(", standard uncertainty {}{unit}", number(uncertainty))
    };
    format!("{name} = {}{unit}{certainty} (CODATA 2022)", number(value))
}

/// Answers without tools.
fn answer(question: &Question) -> Result<String> {
    Ok(match question {
        Question::Calculate { expression } => {
            let value = Expr::parse(expression)?.compile(&[])?.evaluate_point(&[]);
            if !value.is_finite() {
                return Err(Error::numerical(
                    "arithmetic",
                    format!("{expression} has no finite value"),
                ));
            }
            format!("{expression} = {}", number(value))
        }
        Question::Convert { value, from, to } => {
            let result = units::convert(*value, &Unit::parse(from)?, &Unit::parse(to)?)?;
            format!("{} {from} = {} {to}", number(*value), number(result))
        }
        Question::Constant { name, unit } => {
            let constant = constants::find(name).ok_or_else(|| Error::NotFound {
                what: "constant".into(),
                name: name.clone(),
            })?;
            let (value, uncertainty, unit) = match unit {
                Some(unit) => {
                    let own = Unit::parse(constant.unit)?;
                    let wanted = Unit::parse(unit)?;
                    let value = units::convert(constant.value, &own, &wanted)?;
                    (
                        value,
                        units::convert(constant.uncertainty, &own, &wanted)?,
                        unit.as_str(),
                    )
                }
                None => (constant.value, constant.uncertainty, constant.unit),
            };
            word_constant(constant.name, value, uncertainty, unit)
        }
        Question::Remember { .. } | Question::Recall { .. } => {
            return Err(Error::unavailable(
                "memory",
                "no tools were offered with this message",
            ));
        }
    })
}

/// A number with 15 significant digits, which every `f64` has, without trailing zeros.
///
/// ```
/// use nis_core::provider::number;
/// assert_eq!(number(0.1 + 0.2), "0.3");
/// assert_eq!(number(6.62607015e-34), "6.62607015e-34");
/// ```
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".into()
        } else {
            value.to_string()
        };
    }
    let scientific = format!("{value:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..15).contains(&exponent) {
        let places = usize::try_from(14 - exponent).unwrap_or(0);
        let fixed = format!("{value:.places$}");
        return match fixed.contains('.') {
            true => fixed.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => fixed,
        };
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits}e{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Completion {
        complete(&Request {
            messages: vec![Message::user(text)],
            ..Request::default()
        })
    }

    #[test]
    fn numbers_are_written_shortly() {
        for (value, want) in [
            (4.0, "4"),
            (-0.5, "-0.5"),
            (1024.0 / 3.0, "341.333333333333"),
            (299792458.0, "299792458"),
            (1e15, "1e15"),
            (123456789012345.0, "123456789012345"),
            (1e-7, "1e-7"),
            (0.00012, "0.00012"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::INFINITY, "inf"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn it_computes_without_tools() {
        for (text, want) in [
            ("What is 2+2?", "2+2 = 4"),
            ("convert 100 km/h to m/s", "100 km/h = 27.7777777777778 m/s"),
            (
                "What is the speed of light?",
                "speed of light in vacuum = 299792458 m/s (CODATA 2022)",
            ),
            (
                "gravitational constant",
                "Newtonian constant of gravitation = 6.6743e-11 m^3 kg^-1 s^-2, standard uncertainty 1.5e-15 m^3 kg^-1 s^-2 (CODATA 2022)",
            ),
        ] {
            assert_eq!(ask(text).text, want);
        }
        assert!(ask("1/0").text.contains("no finite value"));
        assert!(ask("convert 1 kg to m").text.contains("could not compute"));
    }

    #[test]
    fn it_says_what_it_is_not() {
        for text in ["Who are you?", "Write a poem", ""] {
            assert!(
                ask(text)
                    .text
                    .starts_with("No language model is configured"),
                "{text}"
            );
        }
        assert!(!Offline.real_ai());
    }
}
