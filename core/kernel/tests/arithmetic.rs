//! Amounts, sets, shares and quotas under numbers that a client may send: laws that hold for all, and no panic.

use std::collections::BTreeSet;

use kubernel_kernel::{
    Availability, Config, Input, Kernel, Kind, Millis, Quota, Ranges, ResourceId, Resources, Shape, Share, Step,
    invariants,
};

const RUNS: u64 = 2_000;

/// Numbers from a seed (SplitMix64), the small, the large and the round ones oftener than chance has them.
struct Numbers(u64);

impl Numbers {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    fn amount(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX - self.below(3),
            2 => 1 << self.below(64),
            3 => self.draw(),
            _ => self.below(10),
        }
    }

    fn ranges(&mut self) -> Ranges {
        (0..self.below(5)).map(|_| (self.below(30), self.below(30))).collect()
    }

    fn resources(&mut self) -> Resources {
        let mut out = Resources::new(self.amount(), self.amount(), self.amount(), self.amount());
        for _ in 0..self.below(4) {
            out.set(ResourceId(4 + self.below(4) as u32), self.amount());
        }
        for _ in 0..self.below(3) {
            out.set_items(ResourceId(8 + self.below(2) as u32), self.ranges());
        }
        out
    }
}

fn numbers(ranges: &Ranges) -> BTreeSet<u64> {
    ranges.intervals().iter().flat_map(|(begin, end)| *begin..=*end).collect()
}

#[test]
fn ranges_are_sets_of_numbers() {
    let mut draw = Numbers(1);
    for _ in 0..RUNS {
        let (left, right) = (draw.ranges(), draw.ranges());
        let (mut sum, mut rest) = (left.clone(), left.clone());
        sum.add(&right);
        rest.take(&right);
        let (a, b) = (numbers(&left), numbers(&right));
        assert_eq!(numbers(&sum), &a | &b, "{left:?} + {right:?}");
        assert_eq!(numbers(&rest), &a - &b, "{left:?} - {right:?}");
        assert_eq!(left.contains(&right), a.is_superset(&b), "{left:?} contains {right:?}");
        assert_eq!(left.overlaps(&right), !a.is_disjoint(&b), "{left:?} overlaps {right:?}");
        assert_eq!(sum.count(), (&a | &b).len() as u64);
        let touching = sum.intervals().windows(2).any(|pair| pair[0].1 + 1 >= pair[1].0);
        assert!(!touching, "{sum:?} is not written in one way only");
    }
}

#[test]
fn ranges_reach_to_the_ends() {
    let all = Ranges::interval(0, u64::MAX);
    let mut draw = Numbers(2);
    for _ in 0..RUNS {
        let some = Ranges::interval(draw.amount(), draw.amount());
        let (mut rest, mut sum) = (all.clone(), all.clone());
        rest.take(&some);
        assert!(!rest.overlaps(&some));
        sum.add(&some);
        assert_eq!(sum, all);
        rest.add(&some);
        assert_eq!(rest, all, "without {some:?} and with it");
    }
    assert_eq!(all.count(), u64::MAX);
}

#[test]
fn what_is_added_can_be_taken() {
    let mut draw = Numbers(3);
    for _ in 0..RUNS {
        let (a, b) = (draw.resources(), draw.resources());
        if let Some(sum) = a.checked_add(&b) {
            assert!(sum.contains(&a) && sum.contains(&b), "{a:?} + {b:?}");
            let amounts = |of: &Resources| of.iter().collect::<Vec<_>>();
            let back = sum.checked_sub(&b);
            assert_eq!(back.as_ref().map(amounts), Some(amounts(&a)), "{a:?} + {b:?} - {b:?}");
        }
        let less = a.saturating_sub(&b);
        assert!(a.contains(&less), "{a:?} - {b:?}");
        assert_eq!(a.checked_sub(&b).is_some(), a.contains(&b));
        assert_eq!(a == b, a.contains(&b) && b.contains(&a), "equal amounts are equal values: {a:?} {b:?}");
        assert!(a.saturating_sub(&a).is_zero() && a.saturating_sub(&a).is_plain());
        let mut capped = a.clone();
        capped.cap(&b);
        assert!(capped.iter().all(|(id, amount)| amount <= a.get(id).min(b.get(id))));
    }
}

#[test]
fn shares_are_in_one_order() {
    let mut draw = Numbers(4);
    for _ in 0..RUNS {
        let total = draw.resources();
        let mut share = || {
            let (used, weight) = (draw.resources(), draw.amount() as u32);
            (Share::of(&used, &total, weight), used, weight)
        };
        let [(a, used, weight), (b, ..), (c, ..)] = [share(), share(), share()];
        assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        assert!(!(a <= b && b <= c) || a <= c, "{a:?} {b:?} {c:?}");
        let heavier = Share::of(&used, &total, weight.saturating_add(1));
        assert!(heavier <= a, "a larger weight makes no share larger");
        let _ = (a.millionths(), Share::dominant(&used, &total));
    }
}

/// Whatever an operator settles and agents bring: it is taken or refused, and the sums hold.
#[test]
fn quotas_take_any_numbers() {
    let mut draw = Numbers(5);
    let paths = ["a", "a/b", "a/b/c", "a/d", "e"];
    for _ in 0..RUNS / 20 {
        let mut kernel = Kernel::new(Config::default());
        for at in 0..6 {
            kernel.kind(&Kind::plain(format!("k{at}")), &mut Step::default());
        }
        for at in 8..10 {
            kernel.kind(&Kind { shape: Shape::Ranges, ..Kind::plain(format!("r{at}")) }, &mut Step::default());
        }
        for at in 0..20u64 {
            let path = paths[draw.below(5) as usize].into();
            let input = match draw.below(3) {
                0 => Input::AddAgent {
                    name: format!("{at}").into(),
                    total: draw.resources(),
                    availability: Availability::Open,
                },
                1 => Input::SetRole { path, weight_milli: draw.amount() as u32 },
                _ => {
                    let mut limits = draw.resources();
                    limits.set(ResourceId::CPU, draw.amount());
                    let quota = Quota { guarantee: draw.resources(), limits: limits.iter().collect() };
                    Input::SetQuota { path, quota: Some(quota), force: draw.below(2) == 0 }
                }
            };
            let shown = format!("{input:?}");
            kernel.step(Millis(at), input);
            kernel.step(Millis(at), Input::Tick);
            invariants::check(kernel.state()).unwrap_or_else(|violation| panic!("{shown}: {violation}"));
        }
    }
}
