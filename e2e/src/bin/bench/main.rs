//! Prints how fast a whole control plane is, one figure a line: `name: value unit`. Nothing is asserted; docs/benchmarks.md
//! says how to read the figures. The load comes from this process, on the same cores as the server.
//!
//! Each module measures one thing.

mod bind;
mod create;
mod etcd;
mod fanout;
mod figures;
mod launch;
mod list;
mod many;
mod objects;
mod requests;
mod start;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use kubernel_e2e::{Result, process};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(binary), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bench KUBERNEL-BINARY EMPTY-FOLDER [start|api|etcd|many|bind|launch]…");
        return ExitCode::from(2);
    };
    let parts: Vec<PathBuf> = arguments.collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted.as_os_str() == part);
    // The children end with the thread that starts them, so everything starts from this one.
    let run = async {
        let mut failed = false;
        let mut note = |outcome: Result<()>| {
            if let Err(error) = outcome {
                eprintln!("bench: {error}");
                failed = true;
            }
        };
        if wanted("start") {
            note(start::run(&binary, &folder).await);
        }
        if wanted("api") {
            note(api(&binary, &folder.join("api")).await);
        }
        if wanted("etcd") {
            note(etcd::run(&binary, &folder.join("etcd")).await);
        }
        if wanted("many") {
            note(many(&binary, &folder.join("many")).await);
        }
        if wanted("bind") {
            note(bind::run(&binary, &folder.join("bind")).await);
        }
        if wanted("launch") {
            note(launch::run(&binary, &folder.join("launch")).await);
        }
        failed
    };
    match tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(run)) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the API does alone, without controllers and scheduler.
async fn api(binary: &std::path::Path, folder: &std::path::Path) -> Result<()> {
    let server = process::Server::start(binary, folder, &["--only", "api"])?;
    let target = server.ready().await?;
    objects::prepare(&target).await?;
    create::run(&target).await?;
    watch::run(&target).await?;
    list::run(&target, &server.process).await?;
    requests::run(&target).await?;
    fanout::run(&target).await
}

/// What changes where there are very many objects.
async fn many(binary: &std::path::Path, folder: &std::path::Path) -> Result<()> {
    let server = process::Server::start(binary, folder, &["--only", "api"])?;
    let target = server.ready().await?;
    objects::prepare(&target).await?;
    many::run(&target, &server.process).await
}
