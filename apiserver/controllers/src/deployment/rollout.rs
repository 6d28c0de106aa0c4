//! How many Pods each of a Deployment's ReplicaSets should have: rolling updates, recreation, proportional scaling.
//! Pure.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::template::{DESIRED, MAX, age};

/// A ReplicaSet and the number of Pods it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) name: String,
    pub(super) from: i32,
    pub(super) to: i32,
}

/// What the planner looks at of a ReplicaSet.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) replicas: i32,
    pub(super) available: i32,
    /// The annotation [`MAX`], as written when it was last scaled.
    max_replicas: Option<i32>,
    desired: Option<i32>,
    created: Option<jiff::Timestamp>,
}

/// The numbers of a Deployment's strategy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strategy {
    pub(super) replicas: i32,
    pub(super) max_surge: i32,
    pub(super) max_unavailable: i32,
    pub(super) recreate: bool,
}

impl Set {
    pub(super) fn of(set: &ReplicaSet) -> Self {
        let number = |key| set.metadata.annotations.as_ref()?.get(key)?.parse().ok();
        Self {
            name: set.metadata.name.clone().unwrap_or_default(),
            replicas: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            available: set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0),
            max_replicas: number(MAX),
            desired: number(DESIRED),
            created: age(set).0,
        }
    }

    fn to(&self, to: i32) -> Size {
        Size { name: self.name.clone(), from: self.replicas, to }
    }
}

impl Strategy {
    /// Percentages resolved as upstream does: surge rounded up, unavailable rounded down, never both zero.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.as_ref();
        let replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let strategy = spec.and_then(|spec| spec.strategy.as_ref());
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
            return Self { replicas, max_surge: 0, max_unavailable: 0, recreate: true };
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let max_surge = resolve(rolling.and_then(|rolling| rolling.max_surge.as_ref()), replicas, true);
        let unavailable = resolve(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), replicas, false);
        let max_unavailable = if max_surge == 0 && unavailable == 0 { 1 } else { unavailable };
        Self { replicas, max_surge, max_unavailable: max_unavailable.min(replicas.max(0)), recreate: false }
    }

    /// The most Pods there may be.
    pub(super) fn max_replicas(&self) -> i32 {
        self.replicas.saturating_add(self.max_surge)
    }
}

fn resolve(value: Option<&IntOrString>, replicas: i32, round_up: bool) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let hundredths = percent * i64::from(replicas);
            let whole = if round_up { (hundredths + 99).div_euclid(100) } else { hundredths.div_euclid(100) };
            i32::try_from(whole).unwrap_or(i32::MAX)
        }
    }
}

/// How many Pods a new ReplicaSet starts with.
pub(super) fn initial(strategy: Strategy, others: &[Set]) -> i32 {
    if strategy.recreate {
        return strategy.replicas;
    }
    let current: i32 = others.iter().map(|set| set.replicas).sum();
    (strategy.max_replicas() - current).clamp(0, strategy.replicas)
}

/// Whether the Deployment's replicas changed since its ReplicaSets were last scaled.
pub(super) fn was_scaled(strategy: Strategy, sets: &[Set]) -> bool {
    sets.iter().any(|set| set.replicas > 0 && set.desired.is_some_and(|desired| desired != strategy.replicas))
}

/// The next step of a rolling update.
pub(super) fn roll(strategy: Strategy, new: &Set, old: &[Set]) -> Vec<Size> {
    let all: i32 = old.iter().map(|set| set.replicas).sum::<i32>() + new.replicas;
    if new.replicas != strategy.replicas {
        let to = if new.replicas > strategy.replicas {
            strategy.replicas
        } else {
            new.replicas + (strategy.max_replicas() - all).clamp(0, strategy.replicas - new.replicas)
        };
        if to != new.replicas {
            return vec![new.to(to)];
        }
    }
    let min_available = strategy.replicas - strategy.max_unavailable;
    let mut room = all - min_available - (new.replicas - new.available);
    if room <= 0 {
        return Vec::new();
    }
    let mut by_age: Vec<Set> = old.iter().filter(|set| set.replicas > 0).cloned().collect();
    by_age.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    let mut next: Vec<i32> = by_age.iter().map(|set| set.replicas).collect();
    // Pods that do not run anyway go first.
    for (set, to) in by_age.iter().zip(&mut next) {
        let unhealthy = (set.replicas - set.available).clamp(0, room);
        *to -= unhealthy;
        room -= unhealthy;
    }
    let available: i32 = old.iter().map(|set| set.available).sum::<i32>() + new.available;
    let mut spare = available - min_available;
    for to in &mut next {
        let down = (*to).min(spare).max(0);
        *to -= down;
        spare -= down;
    }
    by_age.iter().zip(next).filter(|(set, to)| set.replicas != *to).map(|(set, to)| set.to(to)).collect()
}

/// The sizes after the Deployment's replicas changed, or while it is paused: all ReplicaSets keep their shares.
pub(super) fn rescale(strategy: Strategy, new: Option<&Set>, old: &[Set], latest: Option<&Set>) -> Vec<Size> {
    let active: Vec<&Set> = old.iter().chain(new).filter(|set| set.replicas > 0).collect();
    let only = match active.as_slice() {
        [] => new.or(latest),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(set) = only {
        return if set.replicas == strategy.replicas { Vec::new() } else { vec![set.to(strategy.replicas)] };
    }
    let saturated = |set: &&Set| {
        set.replicas == strategy.replicas
            && set.available == strategy.replicas
            && set.desired == Some(strategy.replicas)
    };
    if new.filter(saturated).is_some() {
        return old.iter().filter(|set| set.replicas > 0).map(|set| set.to(0)).collect();
    }
    if strategy.recreate { Vec::new() } else { proportional(strategy, active) }
}

fn proportional(strategy: Strategy, mut active: Vec<&Set>) -> Vec<Size> {
    let current: i32 = active.iter().map(|set| set.replicas).sum();
    let allowed = if strategy.replicas > 0 { strategy.max_replicas() } else { 0 };
    let to_add = allowed - current;
    // The largest first; of equals the newer when growing, the older when shrinking.
    active.sort_by(|a, b| {
        let by_age = if to_add > 0 { b.created.cmp(&a.created) } else { a.created.cmp(&b.created) };
        b.replicas.cmp(&a.replicas).then(by_age)
    });
    let mut added = 0;
    let mut next = Vec::with_capacity(active.len());
    for set in &active {
        let share = if to_add == 0 { 0 } else { share(strategy, set, current, to_add, added) };
        added += share;
        next.push(set.replicas + share);
    }
    if let Some(first) = next.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    active.iter().zip(next).filter(|(set, to)| set.replicas != *to).map(|(set, to)| set.to(to)).collect()
}

/// How many of the Pods to add (or take, where negative) fall to a ReplicaSet.
fn share(strategy: Strategy, set: &Set, current: i32, to_add: i32, added: i32) -> i32 {
    let allowed = to_add - added;
    let fraction = if strategy.replicas == 0 {
        -set.replicas
    } else {
        let before = i64::from(set.max_replicas.unwrap_or(current)).max(1);
        let scaled = i64::from(set.replicas) * i64::from(strategy.max_replicas());
        let rounded = (2 * scaled + before).div_euclid(2 * before);
        i32::try_from(rounded).unwrap_or(i32::MAX) - set.replicas
    };
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, replicas: i32, available: i32) -> Set {
        let created = name.trim_start_matches(char::is_alphabetic).parse().ok();
        let created = created.and_then(|second| jiff::Timestamp::from_second(second).ok());
        Set { name: name.into(), replicas, available, max_replicas: None, desired: None, created }
    }

    fn rolling(replicas: i32, max_surge: i32, max_unavailable: i32) -> Strategy {
        Strategy { replicas, max_surge, max_unavailable, recreate: false }
    }

    fn sizes(sizes: &[Size]) -> Vec<(&str, i32)> {
        sizes.iter().map(|size| (size.name.as_str(), size.to)).collect()
    }

    #[test]
    fn a_rolling_update_goes_step_by_step() {
        let strategy = rolling(4, 1, 1);
        type Case = ((i32, i32), (i32, i32), &'static [(&'static str, i32)]);
        let cases: [Case; 7] = [
            ((0, 0), (4, 4), &[("new2", 1)]),
            ((1, 0), (4, 4), &[("old1", 3)]),
            ((1, 0), (3, 3), &[("new2", 2)]),
            ((2, 1), (3, 3), &[("old1", 2)]),
            ((4, 4), (1, 1), &[("old1", 0)]),
            ((4, 0), (1, 0), &[]),
            ((4, 4), (0, 0), &[]),
        ];
        for (new, old, wanted) in cases {
            let plan = roll(strategy, &set("new2", new.0, new.1), &[set("old1", old.0, old.1)]);
            assert_eq!(sizes(&plan), wanted, "new {new:?} old {old:?}");
        }
    }

    #[test]
    fn unhealthy_pods_of_old_sets_go_first() {
        let plan = roll(rolling(10, 0, 2), &set("new9", 0, 0), &[set("old1", 8, 8), set("old2", 2, 0)]);
        assert_eq!(sizes(&plan), [("old2", 0)]);
    }

    #[test]
    fn scaling_in_the_middle_of_a_rollout_keeps_the_shares() {
        let with_max = |mut set: Set, max| {
            set.max_replicas = Some(max);
            set.desired = Some(10);
            set
        };
        let (new, old) = (with_max(set("new2", 5, 5), 13), with_max(set("old1", 8, 8), 13));
        assert!(was_scaled(rolling(15, 3, 2), &[new.clone(), old.clone()]));
        let plan = rescale(rolling(15, 3, 2), Some(&new), &[old], None);
        assert_eq!(sizes(&plan), [("old1", 11), ("new2", 7)]);
    }

    #[test]
    fn a_single_active_set_takes_it_all() {
        let plan = rescale(rolling(7, 1, 1), Some(&set("new2", 3, 3)), &[set("old1", 0, 0)], None);
        assert_eq!(sizes(&plan), [("new2", 7)]);
    }

    #[test]
    fn percentages_round_surge_up_and_unavailable_down() {
        let cases = [("25%", 4, true, 1), ("25%", 5, true, 2), ("25%", 5, false, 1), ("25%", 3, false, 0)];
        for (text, replicas, up, wanted) in cases {
            let value = IntOrString::String(text.to_owned());
            assert_eq!(resolve(Some(&value), replicas, up), wanted, "{text} of {replicas}");
        }
    }
}
