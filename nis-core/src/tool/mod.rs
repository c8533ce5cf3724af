//! What an agent can call.
//!
//! Floor 4: imports floors 0 to 3. [`Tool`] is the trait, [`Toolbox`] a set of tools; the science tools
//! compute with `expr` and `pipeline`, the memory tools read and write the store.

mod analysis;
mod arithmetic;
mod memory;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use analysis::{Analyze, MAX_INLINE_CELLS};
pub use arithmetic::{Calculate, ConvertUnits, FindConstant};
pub use memory::{MAX_FACT_BYTES, Recall, Remember};

use crate::error::{Error, Result};
use crate::provider::ToolSpec;
use crate::telemetry::Progress;

/// For whom a tool works, and how it reports and stops.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The user.
    pub user: &'a str,
    /// Steps and cancellation.
    pub progress: Progress<'a>,
}

/// Something that an agent, or a model through it, can call. Calls block; async callers run them on a
/// thread for blocking work.
pub trait Tool: Send + Sync + fmt::Debug {
    /// Letters, digits and `_`.
    fn name(&self) -> &'static str;

    /// What it does and when to use it, for a model to read.
    fn description(&self) -> &'static str;

    /// JSON schema of the arguments.
    fn parameters(&self) -> Value;

    /// Does the work.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the argument, and what the work returns.
    fn call(&self, arguments: Value, context: &Context<'_>) -> Result<Value>;
}

/// A set of tools, in the order of their addition.
#[derive(Debug, Clone, Default)]
pub struct Toolbox {
    tools: Vec<Arc<dyn Tool>>,
}

impl Toolbox {
    /// Adds a tool.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where one of that name is there already.
    pub fn add(&mut self, tool: Arc<dyn Tool>) -> Result<()> {
        if self.get(tool.name()).is_some() {
            return Err(Error::invalid(
                "tool",
                tool.name(),
                "a name that is not taken",
            ));
        }
        self.tools.push(tool);
        Ok(())
    }

    /// The tool of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|t| t.name() == name)
    }

    /// The names.
    pub fn names(&self) -> Vec<&'static str> {
        self.tools.iter().map(|t| t.name()).collect()
    }

    /// The tools as a model sees them.
    pub fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &Arc<dyn Tool>| ToolSpec {
            strict: false,
            name: tool.name().into(),
            description: tool.description().into(),
            parameters: tool.parameters(),
        };
        self.tools.iter().map(spec).collect()
    }

    /// Calls a tool with arguments as JSON text.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not here, [`Error::Parse`] for text that is no JSON, and what
    /// the tool returns.
    pub fn call(&self, name: &str, arguments: &str, context: &Context<'_>) -> Result<Value> {
        let tool = self.get(name).ok_or_else(|| Error::NotFound {
            what: "tool".into(),
            name: name.into(),
        })?;
        let arguments: Value = serde_json::from_str(arguments).map_err(|e| {
            Error::parse(
                format!("arguments of {name}, line {}", e.line()),
                e.column(),
                "no JSON",
            )
        })?;
        context.progress.check()?;
        tool.call(arguments, context)
    }
}

/// Reads arguments into their type, with the field's path in errors.
fn read<T: DeserializeOwned>(tool: &str, arguments: Value) -> Result<T> {
    let shown = arguments.to_string();
    serde_path_to_error::deserialize(arguments).map_err(|e| {
        let inside = e.path().to_string();
        let field = if inside == "." {
            tool.to_owned()
        } else {
            format!("{tool}.{inside}")
        };
        Error::invalid(field, shown, e.inner().to_string())
    })
}
