//! An nftables table as data, and the scripts that create it or change one into another.
//!
//! Pure. Knows nft's grammar and nothing of Services. The difference touches only what differs: with 10,000 Services
//! one changed endpoint is one flushed chain, and sets that the kernel fills (session affinity) keep their contents.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Elements are written in groups of this size: one line with all of them is slow to parse.
const ELEMENTS_PER_LINE: usize = 500;

/// Chains, and sets or maps with their elements. Names and texts are nft syntax.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) sets: BTreeMap<String, Set>,
    pub(super) chains: BTreeMap<String, Chain>,
}

/// A set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// `map` or `set`
    pub(super) kind: &'static str,
    /// `type ipv4_addr : verdict;` and what else stands before the elements.
    pub(super) definition: String,
    /// Key to value; for sets the value is empty.
    pub(super) elements: BTreeMap<String, String>,
}

/// A chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// `type nat hook … ;` for base chains, else empty.
    pub(super) hook: &'static str,
    pub(super) rules: Vec<String>,
}

impl Table {
    /// Removes the table, whether it is there or not.
    pub(super) fn delete_script(name: &str) -> String {
        format!("table ip {name}\ndelete table ip {name}\n")
    }

    /// Replaces whatever is there.
    pub(super) fn replace_script(&self, name: &str) -> String {
        Self::delete_script(name) + "table ip " + name + " {}\n" + &self.update_script(name, &Self::default())
    }

    /// Changes `old` into this table; empty when they are equal.
    pub(super) fn update_script(&self, name: &str, old: &Self) -> String {
        let mut script = String::new();
        // Everything that can be referred to must exist before the rules, and vanish after them. Writing to a
        // String cannot fail.
        let mut say = |text: String| {
            let _ = writeln!(script, "{text}");
        };
        // A set whose definition changes gets a new table: nft cannot redefine one that is referred to.
        let redefined = self.sets.iter().any(|(key, set)| {
            old.sets.get(key).is_some_and(|before| before.definition != set.definition || before.kind != set.kind)
        });
        if redefined {
            return self.replace_script(name);
        }
        for (chain, body) in &self.chains {
            if !old.chains.contains_key(chain) {
                let hook = if body.hook.is_empty() { String::new() } else { format!(" {{ {} }}", body.hook) };
                say(format!("add chain ip {name} {chain}{hook}"));
            }
        }
        for (key, set) in &self.sets {
            if !old.sets.contains_key(key) {
                say(format!("add {} ip {name} {key} {{ {} }}", set.kind, set.definition));
            }
        }
        for (chain, body) in &self.chains {
            let before = old.chains.get(chain).map(|c| c.rules.as_slice()).unwrap_or_default();
            if before == body.rules {
                continue;
            }
            if !before.is_empty() {
                say(format!("flush chain ip {name} {chain}"));
            }
            for rule in &body.rules {
                say(format!("add rule ip {name} {chain} {rule}"));
            }
        }
        let empty = BTreeMap::new();
        for (key, set) in &self.sets {
            let before = old.sets.get(key).map_or(&empty, |s| &s.elements);
            let gone = before.iter().filter(|(k, v)| set.elements.get(*k) != Some(v)).map(|(k, _)| k.clone());
            elements("delete", name, key, gone, &mut say);
            let new = set.elements.iter().filter(|(k, v)| before.get(*k) != Some(v));
            let new = new.map(|(k, v)| if v.is_empty() { k.clone() } else { format!("{k} : {v}") });
            elements("add", name, key, new, &mut say);
        }
        let gone: Vec<_> = old.chains.keys().filter(|chain| !self.chains.contains_key(*chain)).collect();
        // Chains may refer to each other: empty all of them first.
        for chain in &gone {
            say(format!("flush chain ip {name} {chain}"));
        }
        for chain in &gone {
            say(format!("delete chain ip {name} {chain}"));
        }
        for (key, set) in &old.sets {
            if !self.sets.contains_key(key) {
                say(format!("delete {} ip {name} {key}", set.kind));
            }
        }
        script
    }
}

fn elements(verb: &str, table: &str, set: &str, elements: impl Iterator<Item = String>, say: &mut impl FnMut(String)) {
    let all: Vec<String> = elements.collect();
    for group in all.chunks(ELEMENTS_PER_LINE) {
        say(format!("{verb} element ip {table} {set} {{ {} }}", group.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(elements: &[(&str, &str)], chains: &[(&str, &[&str])]) -> Table {
        let elements = elements.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let rules = |rules: &[&str]| Chain { hook: "", rules: rules.iter().map(|r| (*r).into()).collect() };
        Table {
            sets: [("m".into(), Set { kind: "map", definition: "type inet_service : verdict;".into(), elements })]
                .into(),
            chains: chains.iter().map(|(name, body)| ((*name).into(), rules(body))).collect(),
        }
    }

    fn check(old: &Table, new: &Table, expected: &[&str]) {
        let script = new.update_script("t", old);
        assert_eq!(script.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_differences_are_written() {
        let old = table(&[("80", "goto a"), ("81", "goto b")], &[("a", &["accept"]), ("b", &["drop"])]);
        check(&old, &old, &[]);
        let new = table(&[("80", "goto c"), ("82", "goto a")], &[("a", &["accept", "drop"]), ("c", &["goto a"])]);
        check(
            &old,
            &new,
            &[
                "add chain ip t c",
                "flush chain ip t a",
                "add rule ip t a accept",
                "add rule ip t a drop",
                "add rule ip t c goto a",
                "delete element ip t m { 80, 81 }",
                "add element ip t m { 80 : goto c, 82 : goto a }",
                "flush chain ip t b",
                "delete chain ip t b",
            ],
        );
    }

    #[test]
    fn a_new_definition_replaces_the_table() {
        let old = table(&[], &[]);
        let mut new = old.clone();
        new.sets.get_mut("m").unwrap().definition = "type inet_proto : verdict;".into();
        assert!(new.update_script("t", &old).starts_with("table ip t\ndelete table ip t\n"));
    }
}
