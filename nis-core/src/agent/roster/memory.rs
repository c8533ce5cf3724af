//! The memory agent: conversations and facts.

use serde_json::json;

use crate::agent::{
    Agent, Context, Outcome, Product, State, Stopwatch, Task, call_tool, not_mine, off_thread,
};
use crate::error::Result;
use crate::provider::Pending;

/// Most facts that a conversation is told of.
const FACTS: usize = 8;

/// Keeps and finds the turns of conversations and the facts of users.
#[derive(Debug, Clone, Copy)]
pub struct Memory;

impl Agent for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn description(&self) -> &'static str {
        "Keeps and finds conversations and facts (the tools remember, recall)."
    }

    fn state(&self) -> State {
        State::Ready
    }

    fn handle<'a>(&'a self, task: Task, context: &'a Context) -> Pending<'a, Result<Outcome>> {
        Box::pin(async move {
            let watch = Stopwatch::start();
            let store = context.store.clone();
            match task {
                Task::Call {
                    tool,
                    arguments,
                    user,
                } if matches!(tool.as_str(), "remember" | "recall") => {
                    let (value, step) =
                        call_tool(self.name(), &tool, arguments, &user, context).await?;
                    Ok(Outcome {
                        product: Product::Value(value),
                        steps: vec![step],
                    })
                }
                Task::Load {
                    conversation,
                    user,
                    message,
                    limit,
                } => {
                    let (turns, facts) = off_thread(move |_| {
                        let turns = store.history(&conversation, &user, limit)?;
                        Ok((turns, store.recall(&user, &message, FACTS)?))
                    })
                    .await?;
                    let result = format!("{} earlier turns, {} facts", turns.len(), facts.len());
                    Ok(Outcome {
                        steps: vec![watch.step(
                            self.name(),
                            "looked up the conversation and the user's facts",
                            result,
                        )],
                        product: Product::Memory { turns, facts },
                    })
                }
                Task::Save {
                    conversation,
                    user,
                    turns,
                } => {
                    let count = turns.len();
                    off_thread(move |_| store.append(&conversation, &user, &turns)).await?;
                    context.publish(self.name(), "memory.saved", json!({"turns": count}));
                    Ok(Outcome {
                        product: Product::Done,
                        steps: vec![watch.step(
                            self.name(),
                            "stored the conversation",
                            format!("{count} turns"),
                        )],
                    })
                }
                other => Err(not_mine(self, &other)),
            }
        })
    }
}
