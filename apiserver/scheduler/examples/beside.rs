//! The scheduler in a process of its own, beside an API server that runs without one: `KUBECONFIG=… beside`.

use kubernel_ledger::Ledger;
use kubernel_scheduler::{Config, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let client = kube::Client::try_default().await?;
    let ledger = std::sync::Arc::new(Ledger::default());
    let shutdown = CancellationToken::new();
    let (stop, keeper, until) = (shutdown.clone(), ledger.clone(), shutdown.clone());
    tokio::spawn(async move { keeper.keep_time(until).await });
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    run(
        client,
        Config { ledger, instance: "beside".to_owned(), metrics: std::sync::Arc::default(), offers: false },
        shutdown,
    )
    .await;
    Ok(())
}
