//! The signal agent: analyses data.

use crate::agent::{Agent, Context, Outcome, Product, State, Task, call_tool, not_mine};
use crate::error::Result;
use crate::provider::Pending;

/// Runs the scientific path (modes, law, equation, verdict) on data, by the tool `analyze`.
#[derive(Debug, Clone, Copy)]
pub struct Signal;

impl Agent for Signal {
    fn name(&self) -> &'static str {
        "signal"
    }

    fn description(&self) -> &'static str {
        "Analyses data: modes, laws, equations, verdicts (the tool analyze)."
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
                } if tool == "analyze" => {
                    let (value, step) =
                        call_tool(self.name(), &tool, arguments, &user, context).await?;
                    Ok(Outcome {
                        product: Product::Value(value),
                        steps: vec![step],
                    })
                }
                other => Err(not_mine(self, &other)),
            }
        })
    }
}
