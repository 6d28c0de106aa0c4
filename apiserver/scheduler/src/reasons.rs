//! Why a Pod cannot be placed, in upstream's words: clients and people compare them.

use std::collections::BTreeMap;

use crate::fit::Unfit;

/// What the nodes said, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnosis {
    nodes: usize,
    resolvable: usize,
    reasons: BTreeMap<String, usize>,
}

/// There is not a single node.
pub(crate) const NO_NODES: &str = "no nodes available to schedule pods";

/// The message of `PodScheduled=False` for a Pod with scheduling gates.
pub(crate) const GATED: &str = "Scheduling is blocked due to non-empty scheduling gates";

impl Diagnosis {
    /// Counts a node that cannot take the Pod.
    pub(crate) fn add(&mut self, unfit: &Unfit) {
        self.nodes += 1;
        self.resolvable += usize::from(unfit.resolvable());
        for reason in unfit.reasons() {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }

    /// `0/1 nodes are available: 1 Insufficient cpu. …`: why no node can, and why taking Pods away does not help.
    pub(crate) fn text(&self, never_preempts: bool) -> String {
        if self.nodes == 0 {
            return NO_NODES.to_owned();
        }
        let nodes = self.nodes;
        let reasons = self.reasons.iter().map(|(reason, count)| (*count, reason.as_str()));
        let preemption = if never_preempts {
            "not eligible due to preemptionPolicy=Never.".to_owned()
        } else {
            let unresolvable = nodes - self.resolvable;
            let counts = [
                (self.resolvable, "No preemption victims found for incoming pod"),
                (unresolvable, "Preemption is not helpful for scheduling"),
            ];
            format!("0/{nodes} nodes are available: {}.", histogram(counts.into_iter()))
        };
        format!(
            "0/{nodes} nodes are available: {}. no new claims to deallocate, preemption: {preemption}",
            histogram(reasons)
        )
    }
}

/// `1 Insufficient cpu, 2 node(s) were unschedulable`, sorted as text.
fn histogram<'a>(counts: impl Iterator<Item = (usize, &'a str)>) -> String {
    let mut parts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, reason)| format!("{count} {reason}")).collect();
    parts.sort();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unfit: &[Unfit], never_preempts: bool, expected: &str) {
        let mut diagnosis = Diagnosis::default();
        unfit.iter().for_each(|unfit| diagnosis.add(unfit));
        assert_eq!(diagnosis.text(never_preempts), expected);
    }

    #[test]
    fn words_are_upstreams() {
        let lacks = |names: &[&str], empty| Unfit::Resources(names.iter().map(|n| (*n).into()).collect(), empty);
        check(&[], false, "no nodes available to schedule pods");
        check(
            &[lacks(&["cpu"], true)],
            false,
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are \
             available: 1 No preemption victims found for incoming pod.",
        );
        check(
            &[lacks(&["pods", "cpu", "memory"], false), lacks(&["cpu"], true), Unfit::Taint, Unfit::Affinity],
            false,
            "0/4 nodes are available: 1 Insufficient memory, 1 Too many pods, 1 node(s) didn't match Pod's node \
             affinity/selector, 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, \
             preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, 3 Preemption is not \
             helpful for scheduling.",
        );
        check(
            &[Unfit::Unschedulable, Unfit::Ports],
            true,
            "0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 1 node(s) were \
             unschedulable. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
        );
    }
}
