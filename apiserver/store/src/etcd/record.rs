//! An object as etcd keeps it: a line `kubernel/1 HOLE`, then its JSON without the digits of the revision, which etcd
//! knows better. The line tells our values from anybody else's, and can be read with etcd's own tools.

use std::sync::Arc;

use crate::{Document, Entry, Index, Revision, StoreError};

const MAGIC: &str = "kubernel/1 ";

/// The value of a document.
pub(super) fn encode(document: &Document) -> Vec<u8> {
    let head = format!("{MAGIC}{}\n", document.hole);
    [head.as_bytes(), &document.json].concat()
}

/// The object of a value that was written at this revision.
pub(super) fn entry(
    key: Arc<str>,
    revision: Revision,
    value: &[u8],
    index: impl FnOnce(&str, &[u8]) -> Index,
) -> Result<Entry, StoreError> {
    let Some((hole, json)) = split(value) else {
        return Err(StoreError::Engine(format!(
            "what etcd has under {key} was not written by Kubernel; another --etcd-prefix keeps clusters apart"
        )));
    };
    let index = index(&key, json);
    Ok(Entry::written(key, revision, json, hole, index))
}

fn split(value: &[u8]) -> Option<(usize, &[u8])> {
    let rest = value.strip_prefix(MAGIC.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let hole = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let json = &rest[end + 1..];
    (hole <= json.len()).then_some((hole, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_foreign_ones_are_told_apart() {
        let document = Document { json: br#"{"rv":""}"#.to_vec(), hole: 7, index: Index::default() };
        let read = |value: &[u8]| entry("/registry/core/pods/a/x".into(), 12, value, |_, _| Index::default());
        let made = read(&encode(&document)).unwrap();
        assert_eq!((&made.json[..], made.hole, made.revision), (&br#"{"rv":"12"}"#[..], 7, 12));
        for foreign in
            [&b"k8s\0\n"[..], b"", b"kubernel/1 ", b"kubernel/1 9\n{}", b"kubernel/1 x\n{}", b"kubernel/2 1\n{}"]
        {
            assert!(matches!(read(foreign), Err(StoreError::Engine(_))), "{foreign:?}");
        }
    }
}
