//! `nis ask`: one question to the agents.

use nis_core::runtime::{ChatRequest, Config, Nis};

use crate::{Stop, complain, print};

/// What `nis ask` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The question; several words need no quotes.
    #[arg(required = true, num_args = 1..)]
    question: Vec<String>,
    /// Provider to ask; the configured default where not given.
    #[arg(long, value_name = "P")]
    provider: Option<String>,
    /// Print the whole reply as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let nis = Nis::new(Config::from_env()?)?;
    let reply = nis.chat_blocking(ChatRequest {
        message: args.question.join(" "),
        provider: args.provider.clone(),
        ..ChatRequest::default()
    })?;
    complain(&if reply.real_ai {
        format!("answered by {} ({})", reply.provider, reply.model)
    } else {
        format!("answered by {}, which is no language model", reply.provider)
    });
    if args.json {
        let text = serde_json::to_string_pretty(&reply)
            .map_err(|error| Stop::Failed(format!("the reply as JSON: {error}")))?;
        print(&text)
    } else {
        print(&reply.response)
    }
}
