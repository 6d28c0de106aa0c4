//! The fetcher: what a command needs is put into its sandbox before it starts.
//!
//! From the web, from the node's own files; unpacked where it is an archive. What is asked to be kept is kept for the next
//! one, up to a bound, the longest unused thrown away first.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Component, Path, PathBuf};

use kubernel_mesos_proto::v1::{CommandInfo, Uri};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::sync::Mutex;

/// What is kept at most, as in Mesos.
const CACHE_BYTES_MAX: u64 = 2 << 30;
/// Ends of names that `tar` unpacks, whatever they are packed with.
const TARS: [&str; 8] = [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"];

/// Fetches for all containers of a node.
pub(crate) struct Fetcher {
    cache: PathBuf,
    /// Of two that want the same, one fetches it.
    turn: Mutex<()>,
}

impl Fetcher {
    pub(crate) fn new(cache: PathBuf) -> Self {
        Self { cache, turn: Mutex::new(()) }
    }

    /// Fetches all that a command wants, in order.
    pub(crate) async fn fetch(
        &self,
        command: &CommandInfo,
        dir: &Path,
        owner: Option<(u32, u32)>,
    ) -> Result<(), String> {
        for uri in &command.uris {
            let failed = |error: String| format!("Failed to fetch '{}': {error}", uri.value);
            self.one(uri, command.user.as_deref().unwrap_or_default(), dir).await.map_err(failed)?;
        }
        if let (Some((uid, gid)), false) = (owner, command.uris.is_empty()) {
            own(dir, uid, gid).map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        Ok(())
    }

    async fn one(&self, uri: &Uri, user: &str, dir: &Path) -> Result<(), String> {
        let place = dir.join(name(uri)?);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        }
        if uri.cache == Some(true) {
            self.through_cache(uri, user, &place).await?;
        } else {
            download(&uri.value, &place).await?;
        }
        if uri.executable == Some(true) {
            let mode = fs::Permissions::from_mode(0o755);
            return fs::set_permissions(&place, mode).map_err(|error| error.to_string());
        }
        if uri.extract { unpack(&place, dir).await } else { Ok(()) }
    }

    async fn through_cache(&self, uri: &Uri, user: &str, place: &Path) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        let digest = Sha256::digest(format!("{user}\0{}", uri.value).as_bytes());
        let name = digest.iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        let kept = self.cache.join(name);
        if !kept.exists() {
            fs::create_dir_all(&self.cache).map_err(|error| error.to_string())?;
            let fresh = kept.with_extension("new");
            download(&uri.value, &fresh).await?;
            fs::rename(&fresh, &kept).map_err(|error| error.to_string())?;
        }
        fs::copy(&kept, place).map_err(|error| error.to_string())?;
        let now = std::time::SystemTime::now();
        // The time of a file is when it was used last; without it, it goes earlier.
        let _ = fs::File::open(&kept).and_then(|file| file.set_modified(now));
        shrink(&self.cache, CACHE_BYTES_MAX);
        Ok(())
    }
}

/// The name in the sandbox.
fn name(uri: &Uri) -> Result<PathBuf, String> {
    let name = match uri.output_file.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => name,
        None => {
            let path = uri.value.split_once("://").map_or(uri.value.as_str(), |(_, rest)| rest);
            let path = path.split(['?', '#']).next().unwrap_or_default();
            path.rsplit('/').next().unwrap_or_default()
        }
    };
    let path = PathBuf::from(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && path.file_name().is_some() { Ok(path) } else { Err("it has no name that a file could have".into()) }
}

async fn download(from: &str, to: &Path) -> Result<(), String> {
    match from.split_once("://") {
        Some(("http" | "https" | "ftp" | "ftps", _)) => {
            run(Command::new("curl").args(["-fsSL", "--max-redirs", "10", "-o"]).arg(to).arg("--").arg(from)).await
        }
        Some(("file", path)) => copy(path.strip_prefix("localhost").unwrap_or(path), to),
        Some((scheme, _)) => Err(format!("the fetcher does not know {scheme}://")),
        None => copy(from, to),
    }
}

fn copy(from: &str, to: &Path) -> Result<(), String> {
    if !from.starts_with('/') {
        return Err("a path of the node must be absolute".into());
    }
    fs::copy(from, to).map(|_| ()).map_err(|error| error.to_string())
}

async fn unpack(file: &Path, dir: &Path) -> Result<(), String> {
    let name = file.to_string_lossy().to_ascii_lowercase();
    if TARS.iter().any(|end| name.ends_with(end)) {
        return run(Command::new("tar").arg("-C").arg(dir).arg("-xf").arg(file)).await;
    }
    if name.ends_with(".zip") {
        return run(Command::new("unzip").args(["-o", "-q", "-d"]).arg(dir).arg(file)).await;
    }
    if name.ends_with(".gz") {
        let (from, to) = (file.to_owned(), file.with_extension(""));
        let unpacked = tokio::task::spawn_blocking(move || {
            let mut from = flate2::read::MultiGzDecoder::new(fs::File::open(from)?);
            io::copy(&mut from, &mut fs::File::create(to)?)
        });
        return unpacked.await.map_err(|error| error.to_string())?.map(|_| ()).map_err(|error| error.to_string());
    }
    Ok(())
}

async fn run(command: &mut Command) -> Result<(), String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.kill_on_drop(true).stdin(std::process::Stdio::null()).output().await;
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Throws away what was not used for the longest time until the rest fits.
fn shrink(dir: &Path, bytes_max: u64) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some((about.modified().ok()?, about.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, size, path) in files {
        if bytes <= bytes_max {
            return;
        }
        if fs::remove_file(path).is_ok() {
            bytes -= size;
        }
    }
}

/// Gives a folder and all in it to somebody; links are not followed.
fn own(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    if about.is_symlink() {
        return std::os::unix::fs::lchown(path, Some(uid), Some(gid));
    }
    chown(path, Some(uid), Some(gid))?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(value: &str) -> Uri {
        Uri { value: value.into(), ..Uri::default() }
    }

    #[test]
    fn names() {
        for (value, output, expected) in [
            ("http://h/a/b.tar.gz?x=1#y", None, Some("b.tar.gz")),
            ("/a/b", None, Some("b")),
            ("http://h/a", Some("c/d"), Some("c/d")),
            ("http://h/a", Some("../d"), None),
            ("http://h/", None, None),
            ("http://h/..", None, None),
        ] {
            let uri = Uri { output_file: output.map(str::to_owned), ..uri(value) };
            assert_eq!(name(&uri).ok().as_deref(), expected.map(Path::new), "{value}");
        }
    }

    #[tokio::test]
    async fn files_and_archives() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("plain"), "plain").unwrap();
        run(Command::new("tar").arg("-C").arg(&from).args(["-czf"]).arg(from.join("a.tar.gz")).arg("plain"))
            .await
            .unwrap();
        let fetcher = Fetcher::new(dir.path().join("cache"));
        let at = |name: &str| from.join(name).to_string_lossy().into_owned();
        let kept =
            Uri { output_file: Some("kept".into()), cache: Some(true), executable: Some(true), ..uri(&at("plain")) };
        let command = CommandInfo {
            uris: vec![uri(&format!("file://{}", at("a.tar.gz"))), kept.clone()],
            ..CommandInfo::default()
        };
        fetcher.fetch(&command, &to, None).await.unwrap();
        assert_eq!(fs::read_to_string(to.join("plain")).unwrap(), "plain");
        assert_eq!(fs::metadata(to.join("kept")).unwrap().permissions().mode() & 0o777, 0o755);
        // It comes from the cache when it is gone where it came from.
        fs::remove_file(from.join("plain")).unwrap();
        fs::remove_file(to.join("kept")).unwrap();
        let again = CommandInfo { uris: vec![kept], ..CommandInfo::default() };
        fetcher.fetch(&again, &to, None).await.unwrap();
        assert!(to.join("kept").exists());
        let missing = CommandInfo { uris: vec![uri("/no/such/file")], ..CommandInfo::default() };
        let error = fetcher.fetch(&missing, &to, None).await.unwrap_err();
        assert_eq!(error, "Failed to fetch '/no/such/file': No such file or directory (os error 2)");
    }

    /// From a real server: plain files, archives, redirects, what is asked to be kept, and what is not there.
    #[tokio::test]
    async fn from_the_web() {
        use axum::response::Redirect;
        use axum::routing::get;

        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("inside"), "packed").unwrap();
        let archive = dir.path().join("a.tgz");
        run(Command::new("tar").arg("-C").arg(dir.path()).arg("-czf").arg(&archive).arg("inside")).await.unwrap();
        let packed = fs::read(&archive).unwrap();
        let hits = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = hits.clone();
        let count = move || {
            let hit = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move { format!("hit {hit}") }
        };
        let server = axum::Router::new()
            .route("/plain", get(async || "web"))
            .route("/a.tgz", get(async move || packed))
            .route("/moved", get(async || Redirect::temporary("/plain")))
            .route("/round", get(async || Redirect::temporary("/round")))
            .route("/counted", get(count));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, server).await });
        let fetcher = Fetcher::new(dir.path().join("cache"));
        let of = |path: &str| uri(&format!("http://{address}/{path}"));
        let fetch = async |name: &str, uri: Uri| {
            let to = dir.path().join("sandboxes").join(name);
            fs::create_dir_all(&to).unwrap();
            let command = CommandInfo { uris: vec![uri], ..CommandInfo::default() };
            fetcher.fetch(&command, &to, None).await.map(|()| to)
        };
        for (path, file, expected) in
            [("plain", "plain", "web"), ("moved", "moved", "web"), ("a.tgz", "inside", "packed")]
        {
            let to = fetch(path, Uri { extract: true, ..of(path) }).await.unwrap();
            assert_eq!(fs::read_to_string(to.join(file)).unwrap(), expected, "{path}");
        }
        for run in ["once", "twice"] {
            let to = fetch(run, Uri { cache: Some(true), ..of("counted") }).await.unwrap();
            assert_eq!(fs::read_to_string(to.join("counted")).unwrap(), "hit 0", "{run}");
        }
        for (path, why) in [("none", "error: 404"), ("round", "Maximum (10) redirects followed")] {
            let error = fetch(path, of(path)).await.unwrap_err();
            assert!(error.starts_with(&format!("Failed to fetch 'http://{address}/{path}': curl: ")), "{error}");
            assert!(error.ends_with(why), "{error}");
            assert!(!dir.path().join("sandboxes").join(path).join(path).exists(), "{path}: it left something");
        }
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        for (name, secs) in [("b", 1), ("a", 2), ("c", 3)] {
            fs::write(dir.path().join(name), "1234").unwrap();
            let file = fs::File::open(dir.path().join(name)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs)).unwrap();
        }
        shrink(dir.path(), 8);
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left("b") && left("a") && left("c"));
    }
}
