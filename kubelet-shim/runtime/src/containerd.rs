//! A containerd of our own: its configuration, its start, and finding it alive again.
//!
//! The daemon must outlive us: killing the agent must not touch a container. So it gets its own session, its output
//! goes to a file, and a later start finds it by its socket and uses it as it is.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::{CriRuntime, PAUSE_IMAGE, Result, Runtime as _, RuntimeError, pause};

/// How long a freshly started containerd may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the daemon is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Unix socket addresses are limited by the kernel to this many bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// containerd's namespace of everything that came through CRI.
const CRI_NAMESPACE: &str = "k8s.io";

/// Where our containerd lives and what it uses.
#[derive(Clone, Debug)]
pub struct ContainerdConfig {
    /// Folder of everything it writes: `config.toml`, `root`, `state`, `certs.d`, the socket, the log.
    pub dir: PathBuf,
    /// Folder of CNI plugin binaries.
    pub cni_bin_dir: PathBuf,
    /// Folder of CNI network configurations.
    pub cni_conf_dir: PathBuf,
}

impl ContainerdConfig {
    /// Everything below `dir`, plugins where Debian installs them.
    pub fn below(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        let debian = PathBuf::from("/usr/lib/cni");
        let bin = if debian.is_dir() { debian } else { PathBuf::from("/opt/cni/bin") };
        Self { cni_conf_dir: dir.join("cni"), cni_bin_dir: bin, dir }
    }

    /// The socket it listens on.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    /// The file with the process id of the running daemon.
    pub fn pid_file(&self) -> PathBuf {
        self.dir.join("containerd.pid")
    }

    /// The folder of registry host configurations (`<registry>/hosts.toml`).
    pub fn certs_dir(&self) -> PathBuf {
        self.dir.join("certs.d")
    }
}

/// Connects to the daemon of this folder, starting it first when it does not answer, and makes sure that it has the
/// sandbox image.
pub async fn ensure(config: &ContainerdConfig) -> Result<CriRuntime> {
    let socket = config.socket();
    if socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        let text = format!("the path {} is too long for a Unix socket; use a shorter data folder", socket.display());
        return Err(RuntimeError::Start(text));
    }
    let runtime = match reach(&socket).await {
        Ok(runtime) => runtime,
        Err(_) => start(config).await?,
    };
    ensure_pause_image(&runtime, config).await?;
    Ok(runtime)
}

/// Starts the daemon again whenever it is gone, until `shutdown`. Containers do not notice: each has a shim process of
/// its own.
pub async fn keep_alive(config: ContainerdConfig, shutdown: CancellationToken) {
    let socket = config.socket();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
        // A daemon that is slow still takes connections; only one that is gone refuses them.
        if tokio::net::UnixStream::connect(&socket).await.is_ok() {
            continue;
        }
        tracing::warn!("containerd is gone; starting it again");
        if let Err(error) = start(&config).await {
            tracing::error!(%error, "containerd could not be started again");
        }
    }
}

/// Connects to a daemon that somebody else runs.
pub async fn reach(socket: &Path) -> Result<CriRuntime> {
    let runtime = CriRuntime::connect(socket).await?;
    tokio::time::timeout(Duration::from_secs(5), runtime.version())
        .await
        .map_err(|_| RuntimeError::Unreachable { socket: socket.into(), message: "no answer within 5 s".into() })??;
    Ok(runtime)
}

/// Imports an image archive (OCI layout or `docker save`) into a containerd.
pub async fn import_image(socket: &Path, archive: &Path) -> Result<()> {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(socket).args(["--namespace", CRI_NAMESPACE, "images", "import"]).arg(archive);
    let output = command.stdin(Stdio::null()).output().await.map_err(RuntimeError::file("ctr"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(RuntimeError::Start(format!("importing {}: {}", archive.display(), text.trim())))
}

async fn start(config: &ContainerdConfig) -> Result<CriRuntime> {
    for dir in [&config.dir, &config.cni_conf_dir, &config.certs_dir()] {
        std::fs::create_dir_all(dir).map_err(RuntimeError::file(dir))?;
    }
    let path = config.dir.join("config.toml");
    std::fs::write(&path, toml(config)).map_err(RuntimeError::file(&path))?;
    let log_path = config.dir.join("containerd.log");
    let log = std::fs::File::options().create(true).append(true).open(&log_path);
    let log = log.map_err(RuntimeError::file(&log_path))?;
    let log_too = log.try_clone().map_err(RuntimeError::file(&log_path))?;
    // `setsid` makes the new session and then becomes containerd: same process id, out of reach of our terminal.
    let mut command = Command::new("setsid");
    command.arg("containerd").arg("--config").arg(&path);
    command.stdin(Stdio::null()).stdout(log).stderr(log_too).kill_on_drop(false);
    // A supervisor's variables (NOTIFY_SOCKET) are meant for us, not for it.
    command.env_remove("NOTIFY_SOCKET").current_dir("/");
    let mut child = command.spawn().map_err(|error| RuntimeError::Start(format!("setsid containerd: {error}")))?;
    if let Some(pid) = child.id() {
        let pid_file = config.pid_file();
        std::fs::write(&pid_file, pid.to_string()).map_err(RuntimeError::file(&pid_file))?;
    }
    let socket = config.socket();
    let since = Instant::now();
    loop {
        let failure = match reach(&socket).await {
            Ok(runtime) => break Ok(runtime),
            Err(error) => error,
        };
        if let Ok(Some(status)) = child.try_wait() {
            let text = format!("containerd ended at once ({status}); its log is {}", log_path.display());
            break Err(RuntimeError::Start(text));
        }
        if since.elapsed() > START_TIMEOUT {
            break Err(RuntimeError::Start(format!("{failure}; its log is {}", log_path.display())));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ensure_pause_image(runtime: &CriRuntime, config: &ContainerdConfig) -> Result<()> {
    if runtime.image(PAUSE_IMAGE).await?.is_some() {
        return Ok(());
    }
    let path = config.dir.join("pause.tar");
    std::fs::write(&path, pause::archive()?).map_err(RuntimeError::file(&path))?;
    import_image(runtime.socket(), &path).await?;
    // The CRI plugin learns of imports by an event of its own.
    let since = Instant::now();
    while runtime.image(PAUSE_IMAGE).await?.is_none() {
        if since.elapsed() > START_TIMEOUT {
            return Err(RuntimeError::Start(format!("the image {PAUSE_IMAGE} was imported but does not show up")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn toml(config: &ContainerdConfig) -> String {
    let dir = &config.dir;
    // overlayfs cannot stand on overlayfs, which is what the root of a container is.
    let snapshotter = if on_overlay(dir) { "native" } else { "overlayfs" };
    let quote = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let cri = "plugins.\"io.containerd.grpc.v1.cri\"";
    format!(
        r#"version = 2
root = {root}
state = {state}
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = {socket}

[debug]
  level = "warn"

[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  max_concurrent_downloads = 3
  [{cri}.cni]
    bin_dir = {bin}
    conf_dir = {conf}
  [{cri}.containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [{cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [{cri}.registry]
    config_path = {certs}
"#,
        root = quote(&dir.join("root")),
        state = quote(&dir.join("state")),
        socket = quote(&config.socket()),
        bin = quote(&config.cni_bin_dir),
        conf = quote(&config.cni_conf_dir),
        certs = quote(&config.certs_dir()),
    )
}

fn on_overlay(dir: &Path) -> bool {
    const OVERLAYFS_SUPER_MAGIC: i64 = 0x794c_7630;
    #[allow(clippy::useless_conversion, reason = "the field's type differs between architectures")]
    rustix::fs::statfs(dir).is_ok_and(|stat| i64::from(stat.f_type) == OVERLAYFS_SUPER_MAGIC)
}
