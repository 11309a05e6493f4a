//! Where every intermediate lies in the arena: two may share a place if they do not live at the same time.
//!
//! The largest are placed first, each at the lowest position where it meets nothing that lives when it does
//! ("greedy by size").
//!
//! # Source
//! Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020
//! (arXiv:2001.03288).

use std::ops::Range;

/// From the step that writes a buffer to the last one that reads it, and its length.
#[derive(Clone, Debug)]
pub(crate) struct Lifetime {
    pub first: usize,
    pub last: usize,
    pub len: usize,
}

/// Buffers begin at multiples of this many elements: a cache line of `f32`.
const ALIGNMENT: usize = 16;

/// The position of each buffer, and the length of the arena.
pub(crate) fn place(lifetimes: &[Lifetime]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lifetimes[i].len), lifetimes[i].first));
    let mut positions = vec![0; lifetimes.len()];
    // Those placed so far, by position, with their lifetimes.
    let mut placed: Vec<(Range<usize>, usize, usize)> = Vec::with_capacity(lifetimes.len());
    let mut end = 0;
    for i in order {
        let Lifetime { first, last, len } = lifetimes[i];
        let len = len.next_multiple_of(ALIGNMENT);
        let mut position = 0;
        for (range, other_first, other_last) in &placed {
            if *other_last < first || last < *other_first {
                continue;
            }
            if position + len <= range.start {
                break;
            }
            position = position.max(range.end);
        }
        positions[i] = position;
        end = end.max(position + len);
        let at = placed.partition_point(|(range, ..)| range.start < position);
        placed.insert(at, (position..position + len, first, last));
    }
    (positions, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_lives_together_lies_apart(
            spans in prop::collection::vec((0usize..20, 0usize..10, 0usize..100), 0..40)
        ) {
            let lifetimes: Vec<_> = spans
                .iter()
                .map(|&(first, length, len)| Lifetime { first, last: first + length, len })
                .collect();
            let (positions, end) = place(&lifetimes);
            for (i, a) in lifetimes.iter().enumerate() {
                prop_assert!(positions[i] + a.len <= end);
                for (j, b) in lifetimes.iter().enumerate().skip(i + 1) {
                    let together = a.first <= b.last && b.first <= a.last;
                    let apart = positions[i] + a.len <= positions[j] || positions[j] + b.len <= positions[i];
                    prop_assert!(!together || apart || a.len == 0 || b.len == 0);
                }
            }
            // Never worse than one after the other.
            let sum: usize = lifetimes.iter().map(|l| l.len.next_multiple_of(ALIGNMENT)).sum();
            prop_assert!(end <= sum);
        }
    }

    #[test]
    fn a_chain_needs_two_places() {
        let chain: Vec<_> = (0..10).map(|i| Lifetime { first: i, last: i + 1, len: 64 }).collect();
        assert_eq!(place(&chain).1, 128);
    }
}
