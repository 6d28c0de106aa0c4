//! Sandboxes over HTTP: what tools that tail a task's output ask for.

use std::fs::{self, File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use crate::Executors;
use crate::http::{self, Refusal, bad};
use crate::places::Places;

/// The most that is read at once: Mesos' sixteen pages.
const READ_BYTES_MAX: u64 = 16 * 4096;

/// `/files/browse?path=…`
pub(crate) async fn browse(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let query = http::query(&request);
    let (wanted, dir) = find(&executors, &query)?;
    let about = fs::metadata(&dir).map_err(|_| missing())?;
    if !about.is_dir() {
        return Err(bad(format!("Cannot browse file: {wanted}")));
    }
    let mut entries: Vec<(String, Metadata)> = fs::read_dir(&dir)
        .map_err(|_| missing())?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_string_lossy().into_owned(), entry.metadata().ok()?)))
        .collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    let listed: Vec<Value> = entries
        .iter()
        .map(|(name, about)| {
            json!({
                "path": format!("{}/{name}", wanted.trim_end_matches('/')), "nlink": about.nlink(), "size": about.len(),
                "mtime": about.mtime(), "mode": mode(about), "uid": about.uid().to_string(),
                "gid": about.gid().to_string(),
            })
        })
        .collect();
    Ok(http::json(&query, &Value::Array(listed)))
}

/// `/files/read?path=…&offset=…&length=…`; offset -1 asks where the end is.
pub(crate) async fn read(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let query = http::query(&request);
    let (wanted, path) = find(&executors, &query)?;
    let number = |name: &str| -> Result<Option<i64>, Refusal> {
        let text = query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wrong =
            |_| bad(format!("Failed to parse {name}: Failed to convert '{}' to number\n", text.unwrap_or_default()));
        text.map(|text| text.parse().map_err(wrong)).transpose()
    };
    let offset = number("offset")?.unwrap_or(-1);
    let length = number("length")?.and_then(|length| u64::try_from(length).ok()).unwrap_or(READ_BYTES_MAX);
    let mut file = File::open(&path).map_err(|_| missing())?;
    let about = file.metadata().map_err(|_| missing())?;
    if about.is_dir() {
        return Err(bad(format!("Cannot read a directory: {wanted}")));
    }
    let Ok(offset) = u64::try_from(offset) else {
        return Ok(http::json(&query, &json!({"offset": about.len(), "data": ""})));
    };
    let mut bytes = Vec::new();
    let broken = |error: std::io::Error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    file.seek(SeekFrom::Start(offset)).map_err(broken)?;
    file.take(length.min(READ_BYTES_MAX)).read_to_end(&mut bytes).map_err(broken)?;
    Ok(http::json(&query, &json!({"offset": offset, "data": String::from_utf8_lossy(&bytes)})))
}

/// `/files/download?path=…`
pub(crate) async fn download(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let query = http::query(&request);
    let (wanted, path) = find(&executors, &query)?;
    let file = tokio::fs::File::open(&path).await.map_err(|_| missing())?;
    let about = file.metadata().await.map_err(|_| missing())?;
    if about.is_dir() {
        return Err(bad(format!("Cannot download a directory: {wanted}")));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace(['"', '\\', '\n', '\r'], "_");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, about.len().to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

fn missing() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, String::new())
}

/// The path as it was asked for, and where it is. Nothing outside of sandboxes is shown, wherever links lead.
fn find(executors: &Executors, query: &[(String, String)]) -> Result<(String, PathBuf), Refusal> {
    let wanted = query.iter().find(|(name, _)| name == "path").map(|(_, value)| value.clone());
    let wanted = wanted.filter(|path| !path.is_empty()).ok_or_else(|| bad("Expecting 'path=value' in query.\n"))?;
    let Places { sandboxes, agent, .. } = &executors.inner.outfits.places;
    let path = place(&wanted, sandboxes, agent);
    let inside = |path: PathBuf| {
        let root = sandboxes.canonicalize().ok()?;
        path.canonicalize().ok().filter(|found| found.starts_with(root))
    };
    inside(path).map(|path| (wanted, path)).ok_or_else(missing)
}

/// A path is a sandbox's own, or one below `/frameworks/…` of this agent.
fn place(wanted: &str, sandboxes: &Path, agent: &Path) -> PathBuf {
    let path = Path::new(wanted);
    if path.starts_with(sandboxes) { path.to_owned() } else { agent.join(wanted.trim_start_matches('/')) }
}

/// A mode as `ls` shows it.
fn mode(about: &Metadata) -> String {
    let kind = match about.file_type() {
        kind if kind.is_dir() => 'd',
        kind if kind.is_symlink() => 'l',
        _ => '-',
    };
    let bits = (0..9).rev().map(|bit| match about.mode() >> bit & 1 {
        1 => ['x', 'w', 'r'][bit % 3],
        _ => '-',
    });
    std::iter::once(kind).chain(bits).collect()
}
