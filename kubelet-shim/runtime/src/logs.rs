//! Reading a container's log file, which the runtime writes in CRI's format: `TIME STREAM FLAGS CONTENT` per line.
//!
//! The reader runs in a blocking thread of its own and hands over chunks through a bounded channel, so a slow client
//! holds back the reading and nothing piles up.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for the client.
const CHUNKS_MAX: usize = 8;
/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// Which part of a log is wanted, and how.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Go on until the container ends.
    pub follow: bool,
    /// Only the last so many lines.
    pub tail_lines: Option<u64>,
    /// Nothing older.
    pub since: Option<Timestamp>,
    /// Each line begins with its time.
    pub timestamps: bool,
    /// Stop after so many bytes.
    pub limit_bytes: Option<u64>,
    /// Only `stdout` or only `stderr`.
    pub stream: Option<String>,
}

/// Reads the log at `path`. `running` tells whether more may come; it is asked each time the end is reached.
pub fn read(
    path: PathBuf,
    options: LogOptions,
    running: impl Fn() -> bool + Send + 'static,
) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = pump(&path, &options, &running, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

/// The last lines of a log as one text, at most `bytes_max` of it from the end: what
/// `terminationMessagePolicy: FallbackToLogsOnError` shows.
pub fn tail(path: &Path, lines: u64, bytes_max: usize) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let start = tail_offset(&mut file, lines)?;
    file.seek(SeekFrom::Start(start))?;
    let mut raw = Vec::new();
    file.read_to_end(&mut raw)?;
    let mut filter = Filter::new(&LogOptions::default());
    let mut out = Vec::new();
    filter.push(&raw, &mut out);
    let from = out.len().saturating_sub(bytes_max);
    Ok(String::from_utf8_lossy(&out[from..]).into_owned())
}

fn pump(
    path: &Path,
    options: &LogOptions,
    running: &dyn Fn() -> bool,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    if let Some(lines) = options.tail_lines {
        let start = tail_offset(&mut file, lines)?;
        file.seek(SeekFrom::Start(start))?;
    }
    let mut left = options.limit_bytes.unwrap_or(u64::MAX);
    let mut filter = Filter::new(options);
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut last_look = false;
    loop {
        let count = file.read(&mut buffer)?;
        if count > 0 {
            last_look = false;
            let mut out = Vec::with_capacity(count);
            filter.push(&buffer[..count], &mut out);
            out.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= out.len() as u64;
            if !out.is_empty() && sender.blocking_send(Ok(Bytes::from(out))).is_err() || left == 0 {
                return Ok(());
            }
            continue;
        }
        if !options.follow {
            return Ok(());
        }
        if let Some(next) = rotated(&file, path)? {
            file = next;
            continue;
        }
        // The file may have grown between our read and the container's end, so one more look after the end.
        if last_look || sender.is_closed() {
            return Ok(());
        }
        if !running() {
            last_look = true;
            continue;
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

/// The new file when the path now names another one (the log was rotated).
fn rotated(file: &File, path: &Path) -> std::io::Result<Option<File>> {
    let Ok(now) = std::fs::metadata(path) else { return Ok(None) };
    if now.ino() == file.metadata()?.ino() { Ok(None) } else { File::open(path).map(Some) }
}

/// Where the last `lines` lines begin.
fn tail_offset(file: &mut File, lines: u64) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut found = 0;
    let mut last = true;
    let mut buffer = vec![0; CHUNK_BYTES];
    while end > 0 {
        let size = end.min(CHUNK_BYTES as u64);
        let start = end - size;
        let block = &mut buffer[..usize::try_from(size).unwrap_or(CHUNK_BYTES)];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        for (index, byte) in block.iter().enumerate().rev() {
            // The newline that ends the file ends its last line and begins none.
            if *byte == b'\n' && !std::mem::take(&mut last) {
                found += 1;
                if found == lines {
                    return Ok(start + index as u64 + 1);
                }
            }
            last = false;
        }
        end = start;
    }
    Ok(0)
}

/// Turns CRI lines into what the container wrote. Lines may arrive in pieces.
struct Filter {
    rest: Vec<u8>,
    since: Option<Timestamp>,
    timestamps: bool,
    stream: Option<String>,
    in_partial: bool,
}

impl Filter {
    fn new(options: &LogOptions) -> Self {
        Self {
            rest: Vec::new(),
            since: options.since,
            timestamps: options.timestamps,
            stream: options.stream.as_ref().map(|stream| stream.to_ascii_lowercase()),
            in_partial: false,
        }
    }

    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, after) = bytes.split_at(at);
            bytes = &after[1..];
            if self.rest.is_empty() {
                self.line(line, out);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole, out);
            }
        }
        self.rest.extend_from_slice(bytes);
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let mut parts = line.splitn(4, |byte| *byte == b' ');
        let (Some(time), Some(stream), Some(flags), Some(content)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        if self.stream.as_ref().is_some_and(|wanted| wanted.as_bytes() != stream) {
            return;
        }
        if let Some(since) = self.since {
            let at = std::str::from_utf8(time).ok().and_then(|text| text.parse::<Timestamp>().ok());
            if at.is_some_and(|at| at < since) {
                return;
            }
        }
        if self.timestamps && !self.in_partial {
            out.extend_from_slice(time);
            out.push(b' ');
        }
        out.extend_from_slice(content);
        self.in_partial = flags.split(|byte| *byte == b':').any(|flag| flag == b"P");
        if !self.in_partial {
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-01-01T00:00:01.5Z stdout F one\n2026-01-01T00:00:02Z stderr F two words\n\
                       2026-01-01T00:00:03Z stdout P thr\n2026-01-01T00:00:03Z stdout F ee\n\
                       2026-01-01T00:00:04Z stdout F \n";

    async fn check(options: LogOptions, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, LOG).unwrap();
        let mut chunks = read(path, options.clone(), || false);
        let mut out = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            out.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{options:?}");
    }

    #[tokio::test]
    async fn options() {
        let all = LogOptions::default();
        check(all.clone(), "one\ntwo words\nthree\n\n").await;
        check(LogOptions { follow: true, ..all.clone() }, "one\ntwo words\nthree\n\n").await;
        check(LogOptions { tail_lines: Some(1), ..all.clone() }, "\n").await;
        check(LogOptions { tail_lines: Some(2), ..all.clone() }, "ee\n\n").await;
        check(LogOptions { tail_lines: Some(0), ..all.clone() }, "").await;
        check(LogOptions { tail_lines: Some(99), ..all.clone() }, "one\ntwo words\nthree\n\n").await;
        check(LogOptions { limit_bytes: Some(5), ..all.clone() }, "one\nt").await;
        check(LogOptions { stream: Some("Stderr".into()), ..all.clone() }, "two words\n").await;
        let since = Some("2026-01-01T00:00:03Z".parse().unwrap());
        check(LogOptions { since, ..all.clone() }, "three\n\n").await;
        check(LogOptions { timestamps: true, since, ..all }, "2026-01-01T00:00:03Z three\n2026-01-01T00:00:04Z \n")
            .await;
    }

    #[tokio::test]
    async fn follow_sees_what_is_written_later() {
        use std::io::Write as _;
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, Ordering};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, "2026-01-01T00:00:01Z stdout F one\n2026-01-01T00:00:01Z std").unwrap();
        let running = Arc::new(AtomicBool::new(true));
        let seen = running.clone();
        let options = LogOptions { follow: true, ..LogOptions::default() };
        let mut chunks = read(path.clone(), options, move || seen.load(Ordering::SeqCst));
        assert_eq!(chunks.recv().await.unwrap().unwrap(), "one\n");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"out F two\n").unwrap();
        assert_eq!(chunks.recv().await.unwrap().unwrap(), "two\n");
        running.store(false, Ordering::SeqCst);
        assert!(chunks.recv().await.is_none());
    }

    #[test]
    fn tail_of_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        std::fs::write(&path, LOG).unwrap();
        assert_eq!(tail(&path, 80, 2048).unwrap(), "one\ntwo words\nthree\n\n");
        assert_eq!(tail(&path, 3, 4).unwrap(), "ee\n\n");
    }
}
