//! Whether what clients saw of single objects is linearizable: as if every operation had happened at one moment between
//! its call and its answer.
//!
//! Kubernetes' revisions and a watch without gaps make the check exact and cheap. The watch tells all changes of a key in
//! order; every operation has to find its place in that order, and places must not contradict the clocks: what ended
//! before something else began comes no later.

use std::collections::BTreeMap;

/// When something was, in any unit that grows.
pub type Time = u64;

/// A change of an object, as a watch tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its revision.
    pub revision: u64,
    /// The value that was written, unlike any other one; `None` where the object was deleted.
    pub value: Option<u64>,
}

/// What a client did with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The object.
    pub key: String,
    /// When it was called.
    pub called: Time,
    /// When it was answered, or given up.
    pub ended: Time,
    /// What it was, and what came of it.
    pub outcome: Outcome,
}

/// An operation and its answer. What was refused is not told: it changes nothing, and says nothing that a read does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This value was written at this revision.
    Wrote(u64, u64),
    /// Whether this value was written is not known.
    MayHaveWritten(u64),
    /// The state of this revision was deleted.
    Deleted(u64),
    /// Whether the state of this revision was deleted is not known.
    MayHaveDeleted(u64),
    /// This value was read, of this revision.
    Read(u64, u64),
    /// There was nothing.
    ReadNothing,
}

/// What is wrong with a history, a line each; nothing where all is well.
pub fn check(operations: &[Operation], changes: &BTreeMap<String, Vec<Change>>) -> Vec<String> {
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        by_key.entry(&operation.key).or_default().push(operation);
    }
    let none = Vec::new();
    let mut wrong = Vec::new();
    for (key, operations) in &by_key {
        let changes = changes.get(*key).unwrap_or(&none);
        wrong.extend(Object { changes }.check(operations).into_iter().map(|text| format!("{key}: {text}")));
    }
    for (key, changes) in changes {
        let known = by_key.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        let strangers = changes.iter().filter_map(|change| change.value).filter(|value| !known.iter().any(|operation| {
            matches!(operation.outcome, Outcome::Wrote(written, _) | Outcome::MayHaveWritten(written) if written == *value)
        }));
        wrong.extend(strangers.map(|value| format!("{key}: nobody wrote {value}")));
    }
    wrong
}

/// One object's changes, in order. A place is the number of a change, from 1; before all of them is 0.
struct Object<'a> {
    changes: &'a [Change],
}

impl Object<'_> {
    fn check(&self, operations: &[&Operation]) -> Vec<String> {
        let mut wrong = Vec::new();
        for pair in self.changes.windows(2) {
            if pair[0].revision >= pair[1].revision {
                wrong.push(format!("the watch goes from revision {} to {}", pair[0].revision, pair[1].revision));
            }
        }
        let called = self.called(operations);
        let mut by_call: Vec<&&Operation> = operations.iter().collect();
        by_call.sort_by_key(|operation| operation.called);
        let mut by_end: Vec<(Time, usize)> = Vec::new();
        for operation in operations {
            match self.place(operation) {
                Ok(Some(place)) => by_end.push((operation.ended, place)),
                Ok(None) => {}
                Err(text) => wrong.push(text),
            }
        }
        by_end.sort_unstable();
        let (mut next, mut reached) = (0, 0);
        for operation in by_call {
            while next < by_end.len() && by_end[next].0 < operation.called {
                reached = reached.max(by_end[next].1);
                next += 1;
            }
            let place = match self.place(operation) {
                Ok(Some(place)) => place,
                // Nothing: at the first place from here on where nothing was.
                Ok(None) if operation.outcome == Outcome::ReadNothing => {
                    match (reached..=self.changes.len()).find(|place| self.is_nothing(*place)) {
                        Some(place) => place,
                        None => {
                            wrong.push(format!("nothing was read where something was: {operation:?}"));
                            continue;
                        }
                    }
                }
                _ => continue,
            };
            if place < reached {
                wrong.push(format!("the past was seen again, change {place} after {reached}: {operation:?}"));
            }
            if place > 0 && called[place - 1].is_some_and(|called| called > operation.ended) {
                wrong.push(format!("the future was seen, change {place}: {operation:?}"));
            }
        }
        wrong
    }

    /// When each change was called for, where that is known.
    fn called(&self, operations: &[&Operation]) -> Vec<Option<Time>> {
        let of = |(number, change): (usize, &Change)| {
            let caused = |operation: &&&Operation| match (operation.outcome.clone(), change.value) {
                (Outcome::Wrote(value, _) | Outcome::MayHaveWritten(value), Some(written)) => value == written,
                (Outcome::Deleted(revision) | Outcome::MayHaveDeleted(revision), None) => {
                    number > 0 && self.changes[number - 1].revision == revision
                }
                _ => false,
            };
            operations.iter().filter(caused).map(|operation| operation.called).min()
        };
        self.changes.iter().enumerate().map(of).collect()
    }

    /// Where an operation has its place; `None` where it has none, or several.
    fn place(&self, operation: &Operation) -> Result<Option<usize>, String> {
        let at = |revision: u64| self.changes.iter().position(|change| change.revision == revision);
        match operation.outcome {
            Outcome::Wrote(value, revision) | Outcome::Read(value, revision) => match at(revision) {
                Some(index) if self.changes[index].value == Some(value) => Ok(Some(index + 1)),
                Some(_) => Err(format!("the watch has something else at that revision: {operation:?}")),
                None => Err(format!("lost: {operation:?}")),
            },
            Outcome::Deleted(revision) => match at(revision) {
                Some(index) if self.is_nothing(index + 2) => Ok(Some(index + 2)),
                _ => Err(format!("the deletion is lost: {operation:?}")),
            },
            Outcome::MayHaveWritten(_) | Outcome::MayHaveDeleted(_) | Outcome::ReadNothing => Ok(None),
        }
    }

    /// Whether there is no object after so many changes.
    fn is_nothing(&self, place: usize) -> bool {
        match place.checked_sub(1) {
            None => true,
            Some(index) => self.changes.get(index).is_some_and(|change| change.value.is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Deleted, MayHaveDeleted, MayHaveWritten, Read, ReadNothing, Wrote};
    use super::*;

    /// A revision and its value.
    type Changed = (u64, Option<u64>);
    /// Called, ended, what it was.
    type Done = (Time, Time, Outcome);

    fn judge(changes: &[Changed], operations: &[Done]) -> Vec<String> {
        let changes = changes.iter().map(|(revision, value)| Change { revision: *revision, value: *value }).collect();
        let operations: Vec<Operation> = operations
            .iter()
            .map(|(called, ended, outcome)| Operation {
                key: "x".to_owned(),
                called: *called,
                ended: *ended,
                outcome: outcome.clone(),
            })
            .collect();
        check(&operations, &BTreeMap::from([("x".to_owned(), changes)]))
    }

    #[test]
    fn what_is_linearizable_and_what_is_not() {
        let life: &[Changed] = &[(5, Some(1)), (7, Some(2)), (9, None), (12, Some(3))];
        let (one, two, three) = ((0, 10, Wrote(1, 5)), (20, 30, Wrote(2, 7)), (60, 70, Wrote(3, 12)));
        let gone = (40, 50, Deleted(7));
        let whole = [one.clone(), two.clone(), gone.clone(), three.clone()];
        let with = |more: Done| [whole.to_vec(), vec![more]].concat();
        let cases: Vec<(&str, &[Changed], Vec<Done>, &str)> = vec![
            ("all well", life, whole.to_vec(), ""),
            ("a read while it is written", life, with((25, 28, Read(2, 7))), ""),
            ("an old read that was called early", life, with((9, 35, Read(1, 5))), ""),
            ("an old read", life, with((31, 35, Read(1, 5))), "the past was seen again"),
            ("a read before it was written", life, with((11, 19, Read(2, 7))), "the future was seen"),
            ("nothing before it was made", life, with((0, 3, ReadNothing)), ""),
            ("nothing while it was deleted", life, with((45, 48, ReadNothing)), ""),
            ("nothing while it was there", life, with((31, 39, ReadNothing)), "the future was seen"),
            ("nothing after all", life, with((80, 90, ReadNothing)), "nothing was read where something was"),
            ("a write that is not in the watch", life, with((80, 90, Wrote(4, 13))), "lost"),
            ("a deletion that is not", life, with((80, 90, Deleted(12))), "the deletion is lost"),
            ("another value than was written", life, with((80, 90, Read(4, 12))), "something else"),
            ("what nobody wrote", &[(5, Some(1)), (6, Some(9))], vec![one.clone()], "nobody wrote 9"),
            ("a write of which nobody knew", life, vec![one.clone(), (20, 30, MayHaveWritten(2)), gone, three], ""),
            ("one that never was", life, with((80, 90, MayHaveWritten(8))), ""),
            (
                "a deletion of which nobody knew",
                life,
                vec![one, two, (40, 50, MayHaveDeleted(7)), (60, 70, Wrote(3, 12))],
                "",
            ),
            ("a watch out of order", &[(7, Some(2)), (5, Some(1))], Vec::new(), "nobody wrote"),
        ];
        for (name, changes, operations, wanted) in cases {
            let wrong = judge(changes, &operations);
            assert_eq!(wrong.is_empty(), wanted.is_empty(), "{name}: {wrong:?}");
            assert!(wrong.is_empty() || wrong.iter().any(|text| text.contains(wanted)), "{name}: {wrong:?}");
        }
    }
}
