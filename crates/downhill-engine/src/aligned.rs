//! Memory that begins at a cache line, where the kernels read and write fastest.

/// Elements of which the first lies at a cache line (64 bytes).
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    storage: Vec<T>,
    offset: usize,
    len: usize,
}

impl<T: Copy> Aligned<T> {
    /// `len` elements, all equal.
    pub fn new(value: T, len: usize) -> Self {
        let storage = vec![value; len + 64 / size_of::<T>().max(1)];
        // The heap part of a vector does not move with the vector, so the offset stays right.
        let offset = storage.as_ptr().align_offset(64).min(storage.len() - len);
        Aligned { storage, offset, len }
    }

    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.storage[self.offset..].as_mut_ptr()
    }

    pub fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_lies_at_a_cache_line() {
        for len in [0, 1, 7, 1000, 100_000] {
            let mut memory = Aligned::new(0.0f32, len);
            assert_eq!(memory.as_mut_ptr() as usize % 64, 0);
            assert_eq!(memory.len(), len);
        }
    }
}
