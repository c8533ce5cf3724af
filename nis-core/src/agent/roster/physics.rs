//! The physics agent: computes, and computes again what others state.

use serde_json::json;

use crate::agent::{
    Agent, Context, Outcome, Product, State, Stopwatch, Task, call_tool, claims, not_mine,
};
use crate::error::Result;
use crate::provider::{Pending, number};

/// Calculates, converts units, gives constants, and checks the equalities that a text states.
#[derive(Debug, Clone, Copy)]
pub struct Physics;

impl Agent for Physics {
    fn name(&self) -> &'static str {
        "physics"
    }

    fn description(&self) -> &'static str {
        "Calculates, converts units, gives constants (the tools calculate, convert_units, constant) and computes \
         again what an answer states."
    }

    fn state(&self) -> State {
        State::Ready
    }

    fn handle<'a>(&'a self, task: Task, context: &'a Context) -> Pending<'a, Result<Outcome>> {
        Box::pin(async move {
            match task {
                Task::Call {
                    tool,
                    arguments,
                    user,
                } if matches!(tool.as_str(), "calculate" | "convert_units" | "constant") => {
                    let (value, step) =
                        call_tool(self.name(), &tool, arguments, &user, context).await?;
                    Ok(Outcome {
                        product: Product::Value(value),
                        steps: vec![step],
                    })
                }
                Task::Check { text } => {
                    let watch = Stopwatch::start();
                    let claims = claims::check(&text);
                    let wrong: Vec<String> = claims
                        .iter()
                        .filter(|c| !c.holds)
                        .map(|c| {
                            format!(
                                "`{}` does not hold: {}",
                                c.text,
                                c.computed.map_or("the units do not fit".into(), number)
                            )
                        })
                        .collect();
                    if !wrong.is_empty() {
                        context.publish(
                            self.name(),
                            "claim.failed",
                            json!({"checked": claims.len(), "failed": wrong.len()}),
                        );
                    }
                    let result = match (claims.len(), wrong.len()) {
                        (0, _) => "nothing that can be computed again was stated".to_owned(),
                        (n, 0) => format!("{n} of {n} held"),
                        (n, failed) => format!("{} of {n} held; {}", n - failed, wrong.join("; ")),
                    };
                    let step =
                        watch.step(self.name(), "computed the stated equalities again", result);
                    Ok(Outcome {
                        product: Product::Claims(claims),
                        steps: vec![step],
                    })
                }
                other => Err(not_mine(self, &other)),
            }
        })
    }
}
