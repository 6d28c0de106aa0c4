//! All objects of a store in one file: for backups, and to move a cluster from one engine to another.
//!
//! Gzip; inside, lines: `kubernel-archive/1 REVISION`, `shared NAME JSON-STRING` for what else a cluster needs,
//! `object KEY REVISION HOLE JSON` for each object in key order, and `end OBJECTS`, without which it is not whole.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::{Revision, Snapshot};

const MAGIC: &str = "kubernel-archive/1 ";

/// What an archive holds.
#[derive(Debug, Default)]
pub struct Archive {
    /// The store's revision when it was made.
    pub revision: Revision,
    /// What a cluster needs besides its objects, by name.
    pub shared: BTreeMap<String, String>,
    /// The objects.
    pub(crate) objects: Vec<Archived>,
}

/// An object of an archive.
#[derive(Debug)]
pub(crate) struct Archived {
    pub(crate) key: Arc<str>,
    pub(crate) revision: Revision,
    pub(crate) hole: usize,
    /// With the revision's digits in the hole.
    pub(crate) json: Vec<u8>,
}

impl Archive {
    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Writes a state, which is that of `/registry/`, and what else a cluster needs. Returns how many objects there were.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(state: &dyn Snapshot, shared: &BTreeMap<String, String>, to: impl Write) -> io::Result<usize> {
        let mut to = GzEncoder::new(to, Compression::fast());
        writeln!(to, "{MAGIC}{}", state.revision())?;
        for (name, text) in shared {
            writeln!(to, "shared {name} {}", serde_json::Value::from(text.as_str()))?;
        }
        let mut count = 0;
        for entry in state.range("/registry/", "") {
            write!(to, "object {} {} {} ", entry.key, entry.revision, entry.hole)?;
            to.write_all(&entry.json)?;
            to.write_all(b"\n")?;
            count += 1;
        }
        writeln!(to, "end {count}")?;
        to.finish()?.flush()?;
        Ok(count)
    }

    /// Reads what [`Archive::write`] wrote.
    ///
    /// # Errors
    /// Those of the reader, and [`io::ErrorKind::InvalidData`] where it is no archive, damaged or not whole.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let mut lines = BufReader::with_capacity(1 << 20, GzDecoder::new(from));
        let mut line = Vec::new();
        let mut number = 0;
        let mut next = |line: &mut Vec<u8>| -> io::Result<bool> {
            line.clear();
            number += 1;
            let some = lines.read_until(b'\n', line)? > 0;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            Ok(some)
        };
        let foreign = || invalid("this is no archive of Kubernel".to_owned());
        if !next(&mut line).map_err(|_| foreign())? {
            return Err(foreign());
        }
        let text = std::str::from_utf8(&line).map_err(|_| foreign())?;
        let revision = text.strip_prefix(MAGIC).and_then(|text| text.parse().ok()).ok_or_else(foreign)?;
        let mut archive = Self { revision, ..Self::default() };
        let mut count = 1_u64;
        while next(&mut line)? {
            count += 1;
            let damaged = || invalid(format!("line {count} of the archive is damaged"));
            match read_line(&line).ok_or_else(damaged)? {
                Line::Shared(name, text) => drop(archive.shared.insert(name, text)),
                Line::Object(object) => archive.objects.push(object),
                Line::End(objects) if objects == archive.objects.len() => return Ok(archive),
                Line::End(_) => return Err(damaged()),
            }
        }
        Err(invalid("the archive is not whole: its end is missing".to_owned()))
    }
}

enum Line {
    Shared(String, String),
    Object(Archived),
    End(usize),
}

fn read_line(line: &[u8]) -> Option<Line> {
    // JSON may have blanks; it comes last.
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let (kind, rest) = (words.next()?, words.next()?);
    let text = |word: &[u8]| std::str::from_utf8(word).ok().map(str::to_owned);
    match kind {
        b"shared" => {
            let mut words = rest.splitn(2, |byte| *byte == b' ');
            let name = text(words.next()?)?;
            Some(Line::Shared(name, serde_json::from_slice(words.next()?).ok()?))
        }
        b"object" => {
            let mut words = rest.splitn(4, |byte| *byte == b' ');
            let key = text(words.next()?)?.into();
            let revision = text(words.next()?)?.parse().ok()?;
            let hole: usize = text(words.next()?)?.parse().ok()?;
            let json = words.next()?.to_vec();
            (hole <= json.len()).then_some(Line::Object(Archived { key, revision, hole, json }))
        }
        b"end" => Some(Line::End(text(rest)?.parse().ok()?)),
        _ => None,
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
