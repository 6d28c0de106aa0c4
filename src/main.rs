//! The `kubernel` binary: flags and wiring only. What it wires is in the crates of the workspace; see ARCHITECTURE.md.

mod agent;
mod archive;
mod client_metrics;
mod control_plane;
mod frameworks;
mod in_process;
mod leadership;
mod node;
mod options;
mod progress;
mod storage;
mod term;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use kubernel_agent::supervise;
use tokio_util::sync::CancellationToken;

use node::Node;
use options::{Cli, Command, HollowOptions, ServerOptions, UpOptions};
use progress::Progress;

/// The stack of a worker: expressions and schemas may nest as deep as upstream lets them, and are walked recursively.
const STACK_BYTES: usize = 8 << 20;

/// Gives memory back after a burst: docs/adr/0003-allocator.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == supervise::SUBCOMMAND) {
        return supervise::main(words);
    }
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUBERNEL_LOG")
        .unwrap_or_else(|_| "info,hickory_server=warn".into());
    // Colours are for people at a terminal, not for files.
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().thread_stack_size(STACK_BYTES).build();
    let outcome = runtime.map_err(|error| format!("no runtime: {error}")).and_then(|runtime| {
        runtime.block_on(async {
            let stop = stop_on_signal();
            match cli.command {
                Command::Up(options) => up(options, stop).await,
                Command::Server(options) => server(options, stop).await,
                Command::Agent(options) => agent::run(options, stop).await,
                Command::Hollow(options) => hollow(options, stop).await,
                Command::Backup(options) => archive::backup(options).await,
                Command::Restore(options) => archive::restore(options).await,
                Command::Migrate(options) => archive::migrate(options).await,
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

async fn up(options: UpOptions, stop: CancellationToken) -> Result<(), String> {
    let progress = Progress::start();
    let UpOptions { control_plane: options, node: node_options } = options;
    let mut node = Node::new(&node_options, &options.data_dir, options.service_cidr)?;
    let mut control_plane = control_plane::start(&options, Some(&node), stop.clone()).await?;
    progress.done(&format!("the API answers at {}", control_plane.url));
    control_plane.run(None, &node.name, &stop);
    progress.done("controllers and scheduler run");
    node.reach(control_plane.listen);
    let access = control_plane.access(&node)?;
    let name = node.run(&node_options, &options.data_dir, access, &mut control_plane.tasks, &stop).await?;
    tokio::select! {
        () = node::ready(control_plane.client("kubernel-up"), &name) => {
            progress.done(&format!("node {name} is ready"));
            println!("\n  export KUBECONFIG={}\n  kubectl get nodes\n", options.data_dir.join("admin.kubeconfig").display());
        }
        () = stop.cancelled() => {}
    }
    while control_plane.tasks.join_next().await.is_some() {}
    Ok(())
}

async fn hollow(options: HollowOptions, stop: CancellationToken) -> Result<(), String> {
    let HollowOptions { nodes, kubeconfig, fail } = options;
    let client = client(&kubeconfig).await?;
    let config = kubernel_agent::hollow::HollowConfig { nodes, failures: fail, ..Default::default() };
    kubernel_agent::hollow::run(config, client, stop).await.map_err(|error| error.to_string())
}

/// A client as this kubeconfig says.
async fn client(kubeconfig: &Path) -> Result<kube::Client, String> {
    let file = || format!("--kubeconfig {}", kubeconfig.display());
    let read = kube::config::Kubeconfig::read_from(kubeconfig).map_err(|error| format!("{}: {error}", file()))?;
    let config = kube::Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default())
        .await
        .map_err(|error| format!("{}: {error}", file()))?;
    kube::Client::try_from(config).map_err(|error| format!("{}: {error}", file()))
}

async fn server(options: ServerOptions, stop: CancellationToken) -> Result<(), String> {
    let mut control_plane = control_plane::start(&options.control_plane, None, stop.clone()).await?;
    control_plane.run(options.only, &node::hostname()?, &stop);
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
