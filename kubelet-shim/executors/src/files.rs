//! Sandboxes over HTTP: what tools that tail a task's output ask for.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kubernel_mesos_proto::agent::{call, response};
use kubernel_mesos_proto::v1::{FileInfo, TimeInfo};
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
    let entries = list(&executors, &wanted(&query)?)?;
    let listed: Vec<Value> = entries
        .into_iter()
        .map(|Entry { path, about }| {
            json!({
                "path": path, "nlink": about.nlink(), "size": about.len(), "mtime": about.mtime(), "mode": mode(&about),
                "uid": about.uid().to_string(), "gid": about.gid().to_string(),
            })
        })
        .collect();
    Ok(http::json(&query, &Value::Array(listed)))
}

/// `/files/read?path=…&offset=…&length=…`; offset -1 asks where the end is.
pub(crate) async fn read(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let query = http::query(&request);
    let path = wanted(&query)?;
    let number = |name: &str| -> Result<Option<i64>, Refusal> {
        let text = query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wrong =
            |_| bad(format!("Failed to parse {name}: Failed to convert '{}' to number\n", text.unwrap_or_default()));
        text.map(|text| text.parse().map_err(wrong)).transpose()
    };
    let offset = u64::try_from(number("offset")?.unwrap_or(-1)).ok();
    let length = number("length")?.and_then(|length| u64::try_from(length).ok());
    let Part { size, bytes } = part(&executors, &path, offset.unwrap_or(u64::MAX), length)?;
    let data = String::from_utf8_lossy(&bytes);
    Ok(http::json(&query, &json!({"offset": offset.unwrap_or(size), "data": data})))
}

/// The operator API's `LIST_FILES`.
pub(crate) fn list_files(executors: &Executors, call: &call::ListFiles) -> Result<response::ListFiles, Refusal> {
    let info = |Entry { path, about }: Entry| FileInfo {
        path,
        nlink: i32::try_from(about.nlink()).ok(),
        size: Some(about.len()),
        mtime: Some(TimeInfo { nanoseconds: about.mtime().saturating_mul(1_000_000_000) + about.mtime_nsec() }),
        mode: Some(about.mode()),
        uid: Some(about.uid().to_string()),
        gid: Some(about.gid().to_string()),
    };
    Ok(response::ListFiles { file_infos: list(executors, &call.path)?.into_iter().map(info).collect() })
}

/// The operator API's `READ_FILE`.
pub(crate) fn read_file(executors: &Executors, call: &call::ReadFile) -> Result<response::ReadFile, Refusal> {
    let Part { size, bytes } = part(executors, &call.path, call.offset, call.length)?;
    Ok(response::ReadFile { size, data: bytes })
}

/// A file in a folder that is listed.
struct Entry {
    /// Its path, as its folder's was asked for.
    path: String,
    about: Metadata,
}

/// The files of a folder, by their names.
fn list(executors: &Executors, wanted: &str) -> Result<Vec<Entry>, Refusal> {
    let dir = find(executors, wanted)?;
    let about = fs::metadata(&dir).map_err(|_| missing())?;
    if !about.is_dir() {
        return Err(bad(format!("Cannot browse file: {wanted}")));
    }
    let path = |name: &OsStr| format!("{}/{}", wanted.trim_end_matches('/'), name.to_string_lossy());
    let mut entries: Vec<Entry> = fs::read_dir(&dir)
        .map_err(|_| missing())?
        .flatten()
        .filter_map(|entry| Some(Entry { path: path(&entry.file_name()), about: entry.metadata().ok()? }))
        .collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

/// A part of a file.
struct Part {
    /// The whole file's length in bytes.
    size: u64,
    bytes: Vec<u8>,
}

/// Reads a part of a file, from `offset` on and as long as is asked for or may be.
fn part(executors: &Executors, wanted: &str, offset: u64, length: Option<u64>) -> Result<Part, Refusal> {
    let mut file = File::open(find(executors, wanted)?).map_err(|_| missing())?;
    let about = file.metadata().map_err(|_| missing())?;
    if about.is_dir() {
        return Err(bad(format!("Cannot read a directory: {wanted}")));
    }
    let size = about.len();
    let mut bytes = Vec::new();
    if offset < size {
        let broken = |error: std::io::Error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        file.seek(SeekFrom::Start(offset)).map_err(broken)?;
        let length = length.unwrap_or(READ_BYTES_MAX).min(READ_BYTES_MAX);
        file.take(length).read_to_end(&mut bytes).map_err(broken)?;
    }
    Ok(Part { size, bytes })
}

/// `/files/download?path=…`
pub(crate) async fn download(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let query = http::query(&request);
    let wanted = wanted(&query)?;
    let path = find(&executors, &wanted)?;
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

/// The path that a query asks for.
fn wanted(query: &[(String, String)]) -> Result<String, Refusal> {
    let path = query.iter().find(|(name, _)| name == "path").map(|(_, value)| value.clone());
    path.filter(|path| !path.is_empty()).ok_or_else(|| bad("Expecting 'path=value' in query.\n"))
}

/// Where a path is. Nothing outside of sandboxes is shown, wherever links lead.
fn find(executors: &Executors, wanted: &str) -> Result<PathBuf, Refusal> {
    let Places { sandboxes, agent, .. } = &executors.inner.outfits.places;
    let root = sandboxes.canonicalize().map_err(|_| missing())?;
    let found = place(wanted, sandboxes, agent).canonicalize().map_err(|_| missing())?;
    if found.starts_with(root) { Ok(found) } else { Err(missing()) }
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
