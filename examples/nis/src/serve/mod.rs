//! `nis serve`: chat and analysis over HTTP and WebSocket, for one machine or behind a proxy that asks for
//! a login: this server has none.

mod body;
mod error;
mod openai;
mod physics;
mod routes;
mod solve;
mod ws;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use nis_core::runtime::{Config, Nis};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::{Stop, complain, print};

/// How long requests that run may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long work on other threads may take to notice that it was cancelled.
const UNWIND: Duration = Duration::from_secs(2);

/// What `nis serve` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address to listen on.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    port: u16,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let host = match args.host.as_str() {
        "localhost" => "127.0.0.1",
        other => other,
    };
    let ip: IpAddr = host.parse().map_err(|_| {
        Stop::BadInput(format!(
            "--host: got {}, expected an IP address or localhost",
            args.host
        ))
    })?;
    let nis = Nis::new(Config::from_env()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("threads: {error}")))?;
    let outcome = runtime.block_on(serve(nis, SocketAddr::new(ip, args.port)));
    // Drops what still runs; dropped requests cancel their analyses.
    runtime.shutdown_timeout(UNWIND);
    outcome
}

async fn serve(nis: Nis, address: SocketAddr) -> Result<(), Stop> {
    let cannot = |error: std::io::Error| Stop::Failed(format!("{address}: {error}"));
    let mut signals = Signals::new().map_err(cannot)?;
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    if !bound.ip().is_loopback() {
        complain("note: other machines can reach this server, and it asks nobody for a login");
    }
    print(&format!("listening on http://{bound}"))?;

    let (stop, stopping) = watch::channel(false);
    let app = Arc::new(routes::App::new(nis, stopping.clone()));
    let mut open = app.sockets.subscribe();
    let listener = listener.tap_io(|stream| {
        // Only speed is lost where the system refuses.
        let _ = stream.set_nodelay(true);
    });
    let mut told = stopping;
    let server = axum::serve(listener, routes::router(app)).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = told.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());

    tokio::select! {
        ended = &mut server => return match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(cannot(error)),
            Err(error) => Err(Stop::Failed(error.to_string())),
        },
        () = signals.next() => {}
    }
    complain("stopping: no new requests; those that run may finish");
    stop.send_replace(true);
    let finished = async {
        // How the accept loop ended no longer matters.
        let _ = (&mut server).await;
        let _ = open.wait_for(|count| *count == 0).await;
    };
    tokio::select! {
        () = finished => complain("stopped"),
        () = tokio::time::sleep(GRACE) => {
            complain(&format!("stopped; some requests took over {} s and were dropped", GRACE.as_secs()));
        }
        () = signals.next() => complain("stopped at once by a second signal"),
    }
    Ok(())
}

/// The signals that ask a server to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Signals {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
