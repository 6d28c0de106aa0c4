//! What a process writes goes to two places: plainly to a file of its sandbox, and line by line to its log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use parking_lot::Mutex;

/// A longer line goes to the log in pieces.
const LINE_BYTES_MAX: usize = 16 << 10;

/// A log in CRI's format that several streams write to. It may be moved away at any time.
pub(super) struct Log {
    path: PathBuf,
    file: Mutex<File>,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Mutex::new(append(path)?) })
    }

    fn line(&self, stream: &str, flag: &str, line: &[u8]) -> io::Result<()> {
        let mut record = format!("{:.9} {stream} {flag} ", Timestamp::now()).into_bytes();
        record.extend_from_slice(line);
        record.push(b'\n');
        let mut file = self.file.lock();
        let there = std::fs::metadata(&self.path).ok().map(|found| found.ino());
        if there != Some(file.metadata()?.ino()) {
            *file = append(&self.path)?;
        }
        file.write_all(&record)
    }
}

/// Opens a file to be written at its end.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Copies until the writers are gone. A full disk loses output, but does not hold the process up.
pub(super) fn copy(mut from: impl Read, stream: &str, mut plain: File, log: &Log) {
    let mut piece = vec![0; LINE_BYTES_MAX];
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let _ = plain.write_all(&piece[..count]);
        rest.extend_from_slice(&piece[..count]);
        let mut done = 0;
        while let Some(length) = rest[done..].iter().position(|byte| *byte == b'\n') {
            let mut line = &rest[done..done + length];
            while let Some((piece, more)) = line.split_at_checked(LINE_BYTES_MAX).filter(|(_, more)| !more.is_empty()) {
                let _ = log.line(stream, "P", piece);
                line = more;
            }
            let _ = log.line(stream, "F", line);
            done += length + 1;
        }
        rest.drain(..done);
        while rest.len() >= LINE_BYTES_MAX {
            let _ = log.line(stream, "P", &rest[..LINE_BYTES_MAX]);
            rest.drain(..LINE_BYTES_MAX);
        }
    }
    if !rest.is_empty() {
        let _ = log.line(stream, "F", &rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let log = Log::open(&path("log")).unwrap();
        let long = "x".repeat(LINE_BYTES_MAX);
        let written = format!("one\n\n{long}yz\nend");
        copy(written.as_bytes(), "stdout", append(&path("stdout")).unwrap(), &log);
        assert_eq!(std::fs::read_to_string(path("stdout")).unwrap(), written);
        let text = std::fs::read_to_string(path("log")).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut parts = line.splitn(4, ' ').skip(1);
                let (stream, flag, rest) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
                format!("{stream} {flag} {}", rest.trim_start_matches('x'))
            })
            .collect();
        let expected = ["stdout F one", "stdout F ", "stdout P ", "stdout F yz", "stdout F end"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_log_that_was_moved_away_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = Log::open(&path).unwrap();
        log.line("stdout", "F", b"one").unwrap();
        std::fs::rename(&path, dir.path().join("old")).unwrap();
        log.line("stdout", "F", b"two").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("stdout F two\n") && !text.contains("one"), "{text}");
    }
}
