//! Numbers that begin at a cache line, where the kernels read and write fastest.

use std::ops::{Deref, DerefMut};

/// The length of a cache line in bytes.
const LINE: usize = 64;

/// A fixed number of elements, of which the first lies at the start of a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    storage: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    /// `len` elements, all equal.
    pub fn new(value: T, len: usize) -> Self {
        let storage = vec![value; len + LINE / size_of::<T>().max(1)];
        // A vector's elements stay where they are when the vector itself moves.
        let start = storage.as_ptr().align_offset(LINE).min(storage.len() - len);
        Aligned { storage, start, len }
    }

    /// These elements.
    pub fn from_slice(values: &[T]) -> Self {
        match values.first() {
            Some(&first) => {
                let mut copy = Self::new(first, values.len());
                copy.copy_from_slice(values);
                copy
            }
            None => Aligned { storage: Vec::new(), start: 0, len: 0 },
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_lies_at_a_cache_line_and_all_are_there() {
        for len in [1, 7, 16, 1000, 100_000] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let moved = Box::new(Aligned::from_slice(&values));
            assert_eq!(moved.as_ptr() as usize % LINE, 0);
            assert_eq!(**moved, values[..]);
        }
        assert!(Aligned::<f32>::from_slice(&[]).is_empty());
    }
}
