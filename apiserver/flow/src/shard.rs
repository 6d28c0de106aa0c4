//! Shuffle sharding: every flow has a few queues of its own, and hardly two flows have the same few.

/// How many bits of a hash the queues of one hand may use up.
const HASH_BITS: u32 = 60;

/// The queues of a flow: `hand` different numbers below `deck`, told by the flow's hash alone.
pub(crate) fn hand(hash: u64, deck: usize, hand: usize) -> Vec<usize> {
    let mut left = hash & ((1 << HASH_BITS) - 1);
    let mut dealt: Vec<usize> = Vec::with_capacity(hand);
    for taken in 0..hand.min(deck) {
        let remaining = (deck - taken) as u64;
        let mut card = (left % remaining) as usize;
        left /= remaining;
        // The card counts among those that are left: step over the ones that are gone, in order.
        let mut gone = dealt.clone();
        gone.sort_unstable();
        for other in gone {
            card += usize::from(other <= card);
        }
        dealt.push(card);
    }
    dealt
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_hand_is_dealt() {
        let hands: BTreeSet<Vec<usize>> = (0..60).map(|hash| hand(hash, 5, 3)).collect();
        assert_eq!(hands.len(), 60);
    }

    proptest! {
        #[test]
        fn cards_are_different_and_in_the_deck(hash: u64, deck in 1_usize..512, size in 1_usize..12) {
            let dealt = hand(hash, deck, size);
            let different: BTreeSet<_> = dealt.iter().collect();
            prop_assert_eq!(different.len(), size.min(deck));
            prop_assert!(dealt.iter().all(|card| *card < deck));
        }
    }
}
