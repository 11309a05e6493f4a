//! Random numbers that depend on a seed and a purpose, never on a thread or on time.
//!
//! A [`Key`] names a stream of random numbers. From one seed, keys are derived by purpose, epoch and index
//! with [`Key::fold`] and [`Key::named`]; each key opens a [`CounterRng`], whose n-th output is a function
//! of the key and n alone, so it can be drawn from anywhere in any order.
//!
//! The generator is Philox4x32-10. # Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011, section 4.3.

use rand::rand_core::{Infallible, TryRng};
use serde::{Deserialize, Serialize};

/// The name of one stream of random numbers.
///
/// ```
/// use downhill_tensor::Key;
/// use rand::RngExt;
/// let key = Key::new(42).named("shuffle").fold(3);
/// let again = Key::new(42).named("shuffle").fold(3);
/// assert_eq!(key.rng().random::<u64>(), again.rng().random::<u64>());
/// assert_ne!(key, Key::new(42).named("dropout").fold(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key(u64);

impl Key {
    /// The key at the root of everything that this seed decides.
    pub fn new(seed: u64) -> Self {
        Key(mix(seed ^ 0x6a09_e667_f3bc_c908))
    }

    /// The key for one number (an epoch, a step, an index) under this key.
    pub fn fold(self, number: u64) -> Self {
        Key(mix(self.0.rotate_left(23) ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The key for one purpose under this key.
    pub fn named(self, purpose: &str) -> Self {
        // FNV-1a, then mixed; the name only has to differ from its neighbours.
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        self.fold(hash)
    }

    /// The stream of this key, from its beginning.
    pub fn rng(self) -> CounterRng {
        CounterRng { key: self, counter: 0, block: [0; 4], used: 4 }
    }

    /// Four random words: block number `counter` of this key's stream.
    pub fn block(self, counter: u64) -> [u32; 4] {
        philox(self.0, counter)
    }

    /// A number uniform in [0, 1) on a grid of 2^-24, so that it is the same in `f32` and `f64`: number
    /// `index` of this key's stream of such numbers.
    pub fn uniform(self, index: u64) -> f32 {
        unit(self.block(index / 4)[(index % 4) as usize])
    }

    /// Fills a slice with the numbers `start..` of [`Key::uniform`].
    pub fn fill_uniform<T: crate::Float>(self, start: u64, out: &mut [T]) {
        let mut block = self.block(start / 4);
        for (index, value) in (start..).zip(out) {
            let lane = (index % 4) as usize;
            if lane == 0 {
                block = self.block(index / 4);
            }
            *value = T::from_f64(f64::from(unit(block[lane])));
        }
    }
}

fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The finalizer of SplitMix64: a bijection that spreads every bit over all.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn philox(key: u64, counter: u64) -> [u32; 4] {
    philox_block([key as u32, (key >> 32) as u32], [counter as u32, (counter >> 32) as u32, 0, 0])
}

fn philox_block(mut key: [u32; 2], mut x: [u32; 4]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(x[0]) * 0xd251_1f53;
        let p1 = u64::from(x[2]) * 0xcd9e_8d57;
        x = [(p1 >> 32) as u32 ^ x[1] ^ key[0], p1 as u32, (p0 >> 32) as u32 ^ x[3] ^ key[1], p0 as u32];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    x
}

/// The random numbers of one [`Key`], for use with `rand` and `rand_distr`.
#[derive(Clone, Debug)]
pub struct CounterRng {
    key: Key,
    counter: u64,
    block: [u32; 4],
    used: usize,
}

impl CounterRng {
    fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.block = self.key.block(self.counter);
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

impl TryRng for CounterRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from(self.word()) | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(4) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_agrees_with_the_published_vectors() {
        // Known answers of the authors' Random123 library, kat_vectors: philox4x32 10.
        assert_eq!(philox_block([0, 0], [0, 0, 0, 0]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox_block([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox_block([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn filling_from_the_middle_gives_the_same_numbers() {
        let key = Key::new(7).named("test");
        let mut whole = [0.0f64; 23];
        key.fill_uniform(0, &mut whole);
        let mut part = [0.0f64; 10];
        key.fill_uniform(5, &mut part);
        assert_eq!(whole[5..15], part);
        assert_eq!(whole[9], f64::from(key.uniform(9)));
    }
}
