//! Sets of field paths: what a manager owns.
//!
//! A set is a tree whose nodes are sorted by their step, so that union, difference and intersection are merges of
//! sorted lists. It knows no types; [`super::collect`] and [`super::compare`] build sets from values.

use super::path::PathElement;

/// A set of field paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    nodes: Vec<(PathElement, Node)>,
}

/// What a set holds at one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The path that ends here is in the set.
    pub member: bool,
    /// The paths that go on from here.
    pub below: Set,
}

impl Node {
    /// Neither this path nor any below is in the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl Set {
    /// No path is in the set.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes in order.
    pub fn nodes(&self) -> &[(PathElement, Node)] {
        &self.nodes
    }

    /// The nodes in order, taken out.
    pub(super) fn into_nodes(self) -> Vec<(PathElement, Node)> {
        self.nodes
    }

    /// The set of these nodes; empty ones are dropped and equal steps joined.
    pub fn from_nodes(mut nodes: Vec<(PathElement, Node)>) -> Self {
        nodes.retain(|(_, node)| !node.is_empty());
        if nodes.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Self { nodes };
        }
        nodes.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut out: Vec<(PathElement, Node)> = Vec::with_capacity(nodes.len());
        for (step, node) in nodes {
            match out.last_mut() {
                Some((last, into)) if *last == step => join(into, node),
                _ => out.push((step, node)),
            }
        }
        Self { nodes: out }
    }

    /// Adds one path; the empty path is nobody's.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        let at = match self.find(first) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(at, (first.clone(), Node::default()));
                at
            }
        };
        let node = &mut self.nodes[at].1;
        if rest.is_empty() { node.member = true } else { node.below.insert(rest) }
    }

    /// The set of the paths made of these field names.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let steps: Vec<PathElement> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&steps);
        }
        set
    }

    /// The path is in the set.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.get(first).is_some_and(|node| node.below.has(rest)),
        }
    }

    /// What the set holds at this step.
    pub fn get(&self, step: &PathElement) -> Option<&Node> {
        self.find(step).ok().map(|at| &self.nodes[at].1)
    }

    /// What the set holds at this field's name.
    pub fn get_field(&self, name: &str) -> Option<&Node> {
        let by_name = |step: &PathElement| match step {
            PathElement::Field(field) => (**field).cmp(name),
            _ => std::cmp::Ordering::Greater,
        };
        self.nodes.binary_search_by(|(step, _)| by_name(step)).ok().map(|at| &self.nodes[at].1)
    }

    /// The paths in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        let mut right = other.nodes.into_iter().peekable();
        for (step, mut node) in self.nodes {
            while let Some(before) = right.next_if(|(other_step, _)| *other_step < step) {
                nodes.push(before);
            }
            if let Some((_, same)) = right.next_if(|(other_step, _)| *other_step == step) {
                join(&mut node, same);
            }
            nodes.push((step, node));
        }
        nodes.extend(right);
        Self { nodes }
    }

    /// The paths in this set that are not in the other. A path below or above a path of the other stays.
    #[must_use]
    pub fn difference(self, other: &Self) -> Self {
        self.subtract(other, false)
    }

    /// The same, but a path of the other takes away all paths below it as well.
    #[must_use]
    pub fn recursive_difference(self, other: &Self) -> Self {
        self.subtract(other, true)
    }

    fn subtract(mut self, other: &Self, recursive: bool) -> Self {
        if self.is_empty() || other.is_empty() {
            return self;
        }
        let mut right = other.nodes.iter().peekable();
        self.nodes.retain_mut(|(step, node)| {
            while right.next_if(|(other_step, _)| other_step < step).is_some() {}
            if let Some((_, minus)) = right.next_if(|(other_step, _)| other_step == step) {
                node.member &= !minus.member;
                node.below = if recursive && minus.member {
                    Self::default()
                } else {
                    std::mem::take(&mut node.below).subtract(&minus.below, recursive)
                };
            }
            !node.is_empty()
        });
        self
    }

    /// The paths in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut nodes = Vec::new();
        let mut right = other.nodes.iter().peekable();
        for (step, node) in &self.nodes {
            while right.next_if(|(other_step, _)| other_step < step).is_some() {}
            if let Some((_, and)) = right.next_if(|(other_step, _)| other_step == step) {
                let both = Node { member: node.member && and.member, below: node.below.intersection(&and.below) };
                if !both.is_empty() {
                    nodes.push((step.clone(), both));
                }
            }
        }
        Self { nodes }
    }

    /// Every path of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.nodes.iter().all(|(step, node)| {
            other.get(step).is_some_and(|and| (!node.member || and.member) && node.below.is_subset(&and.below))
        })
    }

    /// Keeps only what is at or below one of these patterns; `*` stands for any step.
    #[must_use]
    pub fn only(self, patterns: &[&[&str]]) -> Self {
        let nodes = self.nodes.into_iter().filter_map(|(step, node)| {
            let matching: Vec<&[&str]> = patterns
                .iter()
                .filter(|pattern| pattern.first().is_some_and(|first| *first == "*" || is_field(&step, first)))
                .map(|pattern| &pattern[1..])
                .collect();
            if matching.is_empty() {
                return None;
            }
            if matching.iter().any(|rest| rest.is_empty()) {
                return Some((step, node));
            }
            let kept = Node { member: node.member, below: node.below.only(&matching) };
            (!kept.is_empty()).then_some((step, kept))
        });
        Self { nodes: nodes.collect() }
    }

    /// Calls `visit` with every path as text (`.spec.ports[port=80]`): the members of a level before those below.
    pub fn for_each_path(&self, visit: &mut impl FnMut(String)) {
        self.walk("", visit);
    }

    fn walk(&self, prefix: &str, visit: &mut impl FnMut(String)) {
        for (step, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            visit(format!("{prefix}{step}"));
        }
        for (step, node) in self.nodes.iter().filter(|(_, node)| !node.below.is_empty()) {
            node.below.walk(&format!("{prefix}{step}"), visit);
        }
    }

    fn find(&self, step: &PathElement) -> Result<usize, usize> {
        self.nodes.binary_search_by(|(other, _)| other.cmp(step))
    }
}

fn join(into: &mut Node, other: Node) {
    into.member |= other.member;
    into.below = std::mem::take(&mut into.below).union(other.below);
}

fn is_field(step: &PathElement, name: &str) -> bool {
    matches!(step, PathElement::Field(field) if **field == *name)
}
