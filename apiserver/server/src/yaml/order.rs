//! The order of a map's keys: by letters, and numbers inside by their value.

use std::cmp::Ordering;

/// `a` before `b`, `k9` before `k10`, a digit or a sign before a letter, but a letter first where a number goes on.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut in_number = false;
    for at in 0..a.len().min(b.len()) {
        let (one, other) = (a[at], b[at]);
        if one == other {
            in_number = one.is_numeric();
            continue;
        }
        let letters = (one.is_alphabetic(), other.is_alphabetic());
        match letters {
            (true, true) => return one.cmp(&other),
            (true, false) => return if in_number { Ordering::Less } else { Ordering::Greater },
            (false, true) => return if in_number { Ordering::Greater } else { Ordering::Less },
            (false, false) => {}
        }
        // Zeros count unless nothing but zeros stands before them.
        let zeros = one == '0' || other == '0';
        let before = a[..at].iter().rev().take_while(|c| c.is_numeric());
        let start = u64::from(zeros && before.into_iter().any(|c| *c != '0'));
        let (one_value, one_digits) = number(&a[at..], start);
        let (other_value, other_digits) = number(&b[at..], start);
        return one_value.cmp(&other_value).then(one_digits.cmp(&other_digits)).then(one.cmp(&other));
    }
    a.len().cmp(&b.len())
}

/// The number that begins here, behind what was read already, and how many digits it has.
fn number(characters: &[char], start: u64) -> (u64, usize) {
    let digits = characters.iter().map_while(|c| c.to_digit(10));
    digits.fold((start, 0), |(value, count), digit| (value.wrapping_mul(10).wrapping_add(u64::from(digit)), count + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_order() {
        let sorted = ["", "0", "1", "1a", "10", "A", "a", "a-b", "a.b", "a1", "a2", "a10", "ab", "b", "f:x", "k:{}"];
        let mut keys = sorted;
        keys.reverse();
        keys.sort_by(|a, b| natural(a, b));
        assert_eq!(keys, sorted);
    }
}
