//! `kubernel backup`, `restore` and `migrate`: a whole cluster in a file, and from one store to another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures::AsyncReadExt as _;
use kubernel_server::pki::SharedPki;
use kubernel_store::{Archive, At, Embedded, Etcd, Store};

use crate::progress::Progress;
use crate::storage::StorageOptions;

/// Under what name an archive, and etcd, has what the servers' `pki/` folders have in common.
const PKI: &str = kubernel_server::BACKUP_PKI;
/// How far a restored cluster's revisions are ahead of its backup's: clients may have seen later ones before it was lost.
const AHEAD: u64 = 1_000_000;

/// Of `kubernel backup`.
#[derive(Args)]
pub(crate) struct BackupOptions {
    /// The file to write; it holds every Secret and the authorities' keys
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A cluster that runs: its administrator's kubeconfig
    #[arg(long, env = "KUBECONFIG", value_name = "FILE", conflicts_with_all = ["data_dir", "etcd_servers"])]
    kubeconfig: Option<PathBuf>,
    /// A cluster that does not: where everything is kept
    #[arg(long, env = "KUBERNEL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    storage: StorageOptions,
}

/// Of `kubernel restore`.
#[derive(Args)]
pub(crate) struct RestoreOptions {
    /// What `kubernel backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where everything is to be kept; its store must not be there yet
    #[arg(long, env = "KUBERNEL_DATA_DIR", default_value = "/var/lib/kubernel", value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    storage: StorageOptions,
}

/// Of `kubernel migrate`.
#[derive(Args)]
pub(crate) struct MigrateOptions {
    /// Where the objects go: from the data folder to etcd, or back
    #[arg(long, value_name = "ENGINE")]
    to: Engine,
    /// Where everything else is kept
    #[arg(long, env = "KUBERNEL_DATA_DIR", default_value = "/var/lib/kubernel", value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    storage: StorageOptions,
}

/// What keeps objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// The etcd of `--etcd-servers`
    Etcd,
    /// The folder `store` below `--data-dir`
    Embedded,
}

/// Writes a backup.
pub(crate) async fn backup(options: BackupOptions) -> Result<(), String> {
    let progress = Progress::start();
    let file = &options.file;
    // Until it is whole it has another name.
    let draft = file.with_extension("part");
    let outcome = match fetch(&options, &draft).await {
        // Read again: a backup that cannot be restored is none.
        Ok(()) => read(&draft),
        Err(error) => Err(error),
    };
    let archive = outcome.inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
    std::fs::rename(&draft, file).map_err(|error| format!("{}: {error}", file.display()))?;
    progress.done(&format!("{}: {} objects at revision {}", file.display(), archive.len(), archive.revision));
    Ok(())
}

async fn fetch(options: &BackupOptions, draft: &Path) -> Result<(), String> {
    let BackupOptions { kubeconfig, data_dir, storage, .. } = options;
    let named = |error: std::io::Error| format!("{}: {error}", draft.display());
    let mut out = File::options().write(true).create(true).truncate(true).mode(0o600).open(draft).map_err(named)?;
    match (kubeconfig, data_dir) {
        (Some(kubeconfig), _) => download(kubeconfig, &mut out).await?,
        (None, _) if storage.is_shared() => of_etcd(storage, &out).await?,
        (None, Some(data_dir)) => of_files(data_dir, &out).await?,
        (None, None) => return Err("what to back up? --kubeconfig, --data-dir or --etcd-servers says it".to_owned()),
    }
    out.sync_all().map_err(named)
}

/// Makes a cluster of a backup.
pub(crate) async fn restore(options: RestoreOptions) -> Result<(), String> {
    let progress = Progress::start();
    let RestoreOptions { file, data_dir, storage } = options;
    let archive = read(&file)?;
    progress.done(&format!("read {} objects of revision {}", archive.len(), archive.revision));
    let revision = archive.revision + AHEAD;
    put(&archive, revision, &data_dir, storage.is_shared().then_some(&storage)).await?;
    progress.done("restored; start the cluster as before");
    Ok(())
}

/// Moves a cluster that does not run.
pub(crate) async fn migrate(options: MigrateOptions) -> Result<(), String> {
    let progress = Progress::start();
    let MigrateOptions { to, data_dir, storage } = options;
    if !storage.is_shared() {
        return Err("--etcd-servers says which etcd".to_owned());
    }
    let mut bytes = Vec::new();
    match to {
        Engine::Etcd => of_files(&data_dir, &mut bytes).await?,
        Engine::Embedded => of_etcd(&storage, &mut bytes).await?,
    }
    let archive = Archive::read(&bytes[..]).map_err(|error| error.to_string())?;
    progress.done(&format!("read {} objects of revision {}", archive.len(), archive.revision));
    // Whoever watched goes on at later revisions.
    let revision = archive.revision + 1;
    put(&archive, revision, &data_dir, (to == Engine::Etcd).then_some(&storage)).await?;
    progress.done(match to {
        Engine::Etcd => "moved; start servers with --etcd-servers (the folder `store` is not used any more)",
        Engine::Embedded => "moved; start the server without --etcd-servers",
    });
    Ok(())
}

async fn put(
    archive: &Archive,
    revision: u64,
    data_dir: &Path,
    storage: Option<&StorageOptions>,
) -> Result<(), String> {
    match storage {
        Some(storage) => {
            let restored = Etcd::restore(&storage.read()?, archive).await;
            restored.map_err(|error| error.to_string())
        }
        None => {
            if let Some(pki) = archive.shared.get(PKI) {
                let pki = SharedPki::parse(pki.as_bytes()).and_then(|pki| pki.adopt(data_dir));
                pki.map_err(|error| error.to_string())?;
            }
            std::fs::create_dir_all(data_dir).map_err(|error| format!("{}: {error}", data_dir.display()))?;
            Embedded::restore(&data_dir.join("store"), archive, revision).map_err(|error| error.to_string())
        }
    }
}

async fn of_etcd(storage: &StorageOptions, to: impl Write) -> Result<(), String> {
    let etcd = storage.etcd().await?;
    let pki = etcd.agreed(PKI).await.map_err(|error| error.to_string())?;
    write(&*etcd, pki.map(|pki| String::from_utf8_lossy(&pki).into_owned()), to).await
}

async fn of_files(data_dir: &Path, to: impl Write) -> Result<(), String> {
    let pki = SharedPki::of(data_dir).map_err(|error| error.to_string())?;
    let pki = String::from_utf8_lossy(&pki.render()).into_owned();
    write(&*embedded(data_dir)?, Some(pki), to).await
}

async fn write(store: &dyn Store, pki: Option<String>, to: impl Write) -> Result<(), String> {
    let state = store.snapshot("/registry/", At::Latest).await.map_err(|error| error.to_string())?;
    let shared: BTreeMap<String, String> = pki.map(|pki| (PKI.to_owned(), pki)).into_iter().collect();
    Archive::write(&*state, &shared, to).map(drop).map_err(|error| error.to_string())
}

fn read(file: &Path) -> Result<Archive, String> {
    let named = |error: std::io::Error| format!("{}: {error}", file.display());
    Archive::read(BufReader::new(File::open(file).map_err(named)?)).map_err(named)
}

fn embedded(data_dir: &Path) -> Result<Arc<Embedded>, String> {
    let folder = data_dir.join("store");
    if !folder.exists() {
        return Err(format!("--data-dir {}: there is no store", data_dir.display()));
    }
    Embedded::open(&folder, &kubernel_server::reindex)
        .map_err(|error| format!("{error}; a cluster that runs is backed up with --kubeconfig"))
}

/// From a cluster that runs.
async fn download(kubeconfig: &Path, to: &mut File) -> Result<(), String> {
    let client = crate::client(kubeconfig).await?;
    let request = http::Request::get("/kubernel/backup").body(Vec::new()).map_err(|error| error.to_string())?;
    let body = client.request_stream(request).await.map_err(|error| error.to_string())?;
    let mut body = std::pin::pin!(body);
    let mut piece = vec![0; 256 << 10];
    loop {
        let count = body.read(&mut piece).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&piece[..count]).map_err(|error| error.to_string())?;
    }
}
