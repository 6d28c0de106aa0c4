//! An object as etcd keeps it: a line `kubernel/1 HOLE SLOT`, then its JSON without the digits of the revision, which etcd
//! knows better. The line tells our values from anybody else's, and can be read with etcd's own tools.
//!
//! The slot is the change's place in its transaction. Etcd gives all changes of a transaction one revision; ours have one
//! each, so that a watch can go on behind any of them: etcd's, and the slot.

use std::sync::Arc;

use crate::{Document, Entry, Index, Revision, StoreError};

const MAGIC: &str = "kubernel/1 ";

/// The value of a document that has this place in its transaction.
pub(super) fn encode(document: &Document, slot: u8) -> Vec<u8> {
    let head = format!("{MAGIC}{} {slot}\n", document.hole);
    [head.as_bytes(), &document.json].concat()
}

/// The object of a value, given what revision goes with its slot.
pub(super) fn entry(
    key: Arc<str>,
    revision: impl FnOnce(u8) -> Revision,
    value: &[u8],
    index: impl FnOnce(&str, &[u8]) -> Index,
) -> Result<Entry, StoreError> {
    let Some((hole, slot, json)) = split(value) else {
        return Err(StoreError::Engine(format!(
            "what etcd has under {key} was not written by Kubernel; another --etcd-prefix keeps clusters apart"
        )));
    };
    let index = index(&key, json);
    Ok(Entry::written(key, revision(slot), json, hole, index))
}

fn split(value: &[u8]) -> Option<(usize, u8, &[u8])> {
    let rest = value.strip_prefix(MAGIC.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (hole, slot) = std::str::from_utf8(&rest[..end]).ok()?.split_once(' ')?;
    let (hole, slot, json) = (hole.parse().ok()?, slot.parse().ok()?, &rest[end + 1..]);
    (hole <= json.len()).then_some((hole, slot, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_foreign_ones_are_told_apart() {
        let document = Document { json: br#"{"rv":""}"#.to_vec(), hole: 7, index: Index::default() };
        let read = |value: &[u8]| {
            entry("/registry/core/pods/a/x".into(), |slot| 100 + u64::from(slot), value, |_, _| Index::default())
        };
        let made = read(&encode(&document, 12)).unwrap();
        assert_eq!((&made.json[..], made.hole, made.revision), (&br#"{"rv":"112"}"#[..], 7, 112));
        for foreign in [
            &b"k8s\0\n"[..],
            b"",
            b"kubernel/1 ",
            b"kubernel/1 9 0\n{}",
            b"kubernel/1 1\n{}",
            b"kubernel/1 1 256\n{}",
            b"kubernel/2 1 0\n{}",
        ] {
            assert!(matches!(read(foreign), Err(StoreError::Engine(_))), "{foreign:?}");
        }
    }
}
