//! The `kubernel` binary: flags and wiring only. What it wires is in the crates of the workspace; see ARCHITECTURE.md.

mod control_plane;
mod in_process;
mod options;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use options::{Cli, Command, ServerOptions};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUBERNEL_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = Runtime::new().map_err(|error| format!("no runtime: {error}")).and_then(|runtime| {
        runtime.block_on(async {
            let stop = stop_on_signal();
            match cli.command {
                Command::Server(options) => server(options, stop).await,
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kubernel: {message}");
            ExitCode::from(2)
        }
    }
}

async fn server(options: ServerOptions, stop: CancellationToken) -> Result<(), String> {
    let mut control_plane = control_plane::start(&options.control_plane, &[], stop.clone()).await?;
    control_plane.run(options.only, &stop);
    tracing::info!(url = %control_plane.url, "the API is served");
    while control_plane.tasks.join_next().await.is_some() {}
    Ok(())
}

/// A token that SIGTERM and Ctrl-C cancel.
fn stop_on_signal() -> CancellationToken {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = terminate.recv() => {}, outcome = tokio::signal::ctrl_c() => drop(outcome) }
            }
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
        on_signal.cancel();
    });
    stop
}
