//! What is asked of a runtime, checked before anybody works on it.

use super::{ChatRequest, build};
use crate::error::{Error, Result};
use crate::provider::{Request, Role};

/// Longest `user_id` and `conversation_id`, in characters.
pub const MAX_ID: usize = 128;

/// Who asks where a request does not say.
const ANONYMOUS: &str = "anonymous";

/// A question to the agents.
pub(super) enum Ask {
    /// A message in a conversation of the store.
    Chat {
        request: ChatRequest,
        /// With `false`: exactly one call of the provider and no tools.
        tools: bool,
    },
    /// A conversation that the host keeps.
    Given {
        request: Box<Request>,
        provider: Option<String>,
        user_id: Option<String>,
    },
}

/// A question that fits.
pub(super) struct Checked {
    pub(super) what: What,
    pub(super) user: String,
    pub(super) conversation: String,
    pub(super) provider: Option<String>,
    pub(super) task: Option<String>,
}

pub(super) enum What {
    Message { message: String, tools: bool },
    Given(Box<Request>),
}

impl Ask {
    /// Checks a question; `limit` is the longest message in bytes.
    pub(super) fn check(self, limit: usize) -> Result<Checked> {
        let of_user = |id: Option<String>| match id {
            Some(id) => checked_id("user_id", id, |c| !c.is_control()),
            None => Ok(ANONYMOUS.to_owned()),
        };
        let within = |field: &str, bytes: usize| {
            if bytes > limit {
                return Err(Error::invalid(
                    field,
                    format!("{bytes} bytes"),
                    format!("at most {limit} bytes"),
                ));
            }
            Ok(())
        };
        match self {
            Ask::Chat { request, tools } => {
                if request.message.trim().is_empty() {
                    return Err(Error::invalid("message", "\"\"", "a message"));
                }
                within("message", request.message.len())?;
                Ok(Checked {
                    user: of_user(request.user_id)?,
                    conversation: match request.conversation_id {
                        Some(id) => checked_id("conversation_id", id, |c| {
                            c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
                        })?,
                        None => build::conversation_id()?,
                    },
                    provider: request.provider,
                    task: request.task,
                    what: What::Message {
                        message: request.message,
                        tools,
                    },
                })
            }
            Ask::Given {
                request,
                provider,
                user_id,
            } => {
                if !request.messages.iter().any(|m| m.role == Role::User) {
                    return Err(Error::invalid(
                        "messages",
                        format!("{} messages, none of the user", request.messages.len()),
                        "at least one message of the user",
                    ));
                }
                within(
                    "messages",
                    request
                        .messages
                        .iter()
                        .map(|m| m.content.len())
                        .fold(0, usize::saturating_add),
                )?;
                if !request.tools.is_empty() {
                    return Err(Error::invalid(
                        "tools",
                        format!("{} tools", request.tools.len()),
                        "none: the agents use their own; ask a provider by its name to use others",
                    ));
                }
                Ok(Checked {
                    what: What::Given(request),
                    user: of_user(user_id)?,
                    conversation: build::conversation_id()?,
                    provider,
                    task: None,
                })
            }
        }
    }
}

fn checked_id(field: &str, id: String, fits: impl Fn(char) -> bool) -> Result<String> {
    let length = id.chars().count();
    if length == 0 || length > MAX_ID || !id.chars().all(fits) {
        let expected = match field {
            "conversation_id" => format!("1 to {MAX_ID} letters, digits, `_`, `-`, `.` or `:`"),
            _ => format!("1 to {MAX_ID} characters, none of control"),
        };
        return Err(Error::invalid(field, format!("{id:?}"), expected));
    }
    Ok(id)
}
