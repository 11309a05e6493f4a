//! Eight numbers at a time: what the tiles of the convolutions are written in.
//!
//! One text serves every precision and instruction set: [`Vector`] has one form in 256-bit registers, because
//! the compiler does not reliably keep arrays of sums in registers, and one in arrays. It knows nothing of
//! convolutions.

#[cfg(target_arch = "x86_64")]
use crate::DType;
use crate::Float;
use crate::kernels::isa::{Isa, vectorize};

/// The numbers of a vector, whatever their precision: layouts do not depend on the instruction set.
pub(super) const LANES: usize = 8;

/// [`LANES`] numbers that go the same way.
///
/// What makes a vector is unsafe: it asks for the instructions of the form and for its type of number.
/// Whoever holds one has the proof of both.
pub(super) trait Vector<T>: Copy {
    /// The rows of a tile two vectors wide whose sums fit into the registers.
    const ROWS: usize;

    /// # Safety
    /// The machine has the form's instructions and `T` is its number.
    unsafe fn zero() -> Self;
    /// # Safety
    /// As [`Vector::zero`], and `from` is readable.
    unsafe fn splat(from: *const T) -> Self;
    /// # Safety
    /// As [`Vector::zero`], and `from` is readable for [`LANES`] numbers.
    unsafe fn load(from: *const T) -> Self;
    /// The first `count` numbers, and zeros after them.
    ///
    /// # Safety
    /// As [`Vector::zero`], and `from` is readable for `count` numbers, at most [`LANES`].
    unsafe fn load_first(from: *const T, count: usize) -> Self;
    /// # Safety
    /// `to` is writable for [`LANES`] numbers.
    unsafe fn store(self, to: *mut T);
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// `self * a + b`, rounded once where that is one instruction.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// `b - self * a`, rounded once where that is one instruction.
    fn neg_mul_add(self, a: Self, b: Self) -> Self;
    /// Writes the columns of a square of [`LANES`] rows as rows.
    ///
    /// # Safety
    /// As [`Vector::zero`]; rows of [`LANES`] numbers, so far apart, are readable and writable.
    unsafe fn transpose(from: *const T, from_row: usize, to: *mut T, to_row: usize);
    /// Says that the number will soon be read.
    #[inline(always)]
    fn prefetch(_at: *const T) {}
}

/// The first `len` elements of `scratch` from a cache line on, and the rest. It may take [`PADDING`] more.
///
/// # Panics
/// Where `scratch` is too short.
pub(super) fn take_aligned<T>(scratch: &mut [T], len: usize) -> (&mut [T], &mut [T]) {
    let offset = scratch.as_ptr().align_offset(64).min(scratch.len());
    scratch[offset..].split_at_mut(len)
}

/// Elements that a space may have to be moved by to begin at a cache line.
pub(super) const PADDING: usize = 16;

/// Something to compute in vectors of whatever form.
pub(super) trait Work<T> {
    /// Computes it. To be inlined, with all that it calls in its loops.
    ///
    /// # Safety
    /// The machine has the form's instructions and `T` is its number.
    unsafe fn run<V: Vector<T>>(self);
}

/// Does the work in the form that suits the instruction set and the number.
pub(super) fn with_vectors<T: Float>(isa: Isa, work: impl Work<T>) {
    vectorize(
        isa,
        #[inline(always)]
        |fused| {
            #[cfg(target_arch = "x86_64")]
            if fused && T::DTYPE == DType::F32 {
                // SAFETY: on this architecture a set that fuses has AVX2 and FMA, and `T` is `f32`.
                return unsafe { work.run::<avx2::Vector>() };
            }
            // SAFETY: arrays ask for nothing.
            unsafe {
                if fused {
                    work.run::<Lanes<T, true>>();
                } else {
                    work.run::<Lanes<T, false>>();
                }
            }
        },
    );
}

/// The form in arrays, with or without an instruction for multiplication with addition.
#[derive(Clone, Copy)]
struct Lanes<T, const FUSED: bool>([T; LANES]);

impl<T: Float, const FUSED: bool> Lanes<T, FUSED> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Lanes(std::array::from_fn(
            #[inline(always)]
            |i| f(self.0[i], other.0[i]),
        ))
    }
}

impl<T: Float, const FUSED: bool> Vector<T> for Lanes<T, FUSED> {
    const ROWS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Lanes([T::ZERO; LANES])
    }

    #[inline(always)]
    unsafe fn splat(from: *const T) -> Self {
        // SAFETY: the caller's.
        Lanes([unsafe { *from }; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's.
        Lanes(unsafe { from.cast::<[T; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const T, count: usize) -> Self {
        let mut lanes = [T::ZERO; LANES];
        for (i, lane) in lanes[..count].iter_mut().enumerate() {
            // SAFETY: the caller's.
            *lane = unsafe { *from.add(i) };
        }
        Lanes(lanes)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[T; LANES]>().write(self.0) };
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(
            other,
            #[inline(always)]
            |a, b| a + b,
        )
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(
            other,
            #[inline(always)]
            |a, b| a - b,
        )
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(
            other,
            #[inline(always)]
            |a, b| a * b,
        )
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        if !FUSED {
            return self.mul(a).add(b);
        }
        let mut sums = b.0;
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = self.0[i].mul_add(a.0[i], *sum);
        }
        Lanes(sums)
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self, b: Self) -> Self {
        if !FUSED {
            return b.sub(self.mul(a));
        }
        let mut sums = b.0;
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = (-self.0[i]).mul_add(a.0[i], *sum);
        }
        Lanes(sums)
    }

    #[inline(always)]
    unsafe fn transpose(from: *const T, from_row: usize, to: *mut T, to_row: usize) {
        for i in 0..LANES {
            for j in 0..LANES {
                // SAFETY: the caller's.
                unsafe { *to.add(j * to_row + i) = *from.add(i * from_row + j) };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::LANES;
    use std::arch::x86_64::*;

    /// Eight `f32` in a register.
    #[derive(Clone, Copy)]
    pub(super) struct Vector(__m256);

    impl<T> super::Vector<T> for Vector {
        /// 12 sums, 2 vectors and 1 number fill 15 of 16 registers.
        const ROWS: usize = 6;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller knows that the machine has AVX2.
            Vector(unsafe { _mm256_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn splat(from: *const T) -> Self {
            // SAFETY: as above; `T` is `f32` and readable.
            Vector(unsafe { _mm256_broadcast_ss(&*from.cast()) })
        }

        #[inline(always)]
        unsafe fn load(from: *const T) -> Self {
            // SAFETY: as above.
            Vector(unsafe { _mm256_loadu_ps(from.cast()) })
        }

        #[inline(always)]
        unsafe fn load_first(from: *const T, count: usize) -> Self {
            const MASKS: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
            // SAFETY: as above; a window of eight masks begins at most at the middle. Masked numbers are not read.
            Vector(unsafe {
                let mask = _mm256_loadu_si256(MASKS.as_ptr().add(LANES - count).cast());
                _mm256_maskload_ps(from.cast(), mask)
            })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut T) {
            // SAFETY: as above; writable.
            unsafe { _mm256_storeu_ps(to.cast(), self.0) };
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: a vector exists only where the machine has AVX2.
            Vector(unsafe { _mm256_add_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: as above.
            Vector(unsafe { _mm256_sub_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: as above.
            Vector(unsafe { _mm256_mul_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: as above, with FMA.
            Vector(unsafe { _mm256_fmadd_ps(self.0, a.0, b.0) })
        }

        #[inline(always)]
        fn neg_mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: as above, with FMA.
            Vector(unsafe { _mm256_fnmadd_ps(self.0, a.0, b.0) })
        }

        #[inline(always)]
        unsafe fn transpose(from: *const T, from_row: usize, to: *mut T, to_row: usize) {
            // SAFETY: AVX2 as above; the rows are readable and writable.
            unsafe {
                // Halves of rows i and i + 4 side by side, so that the rest stays inside halves.
                let pair = |row: usize, column: usize| {
                    let at = |row: usize| from.add(row * from_row + column).cast::<f32>();
                    let low = _mm256_castps128_ps256(_mm_loadu_ps(at(row)));
                    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(at(row + 4)))
                };
                for column in [0, 4] {
                    let rows = [pair(0, column), pair(1, column), pair(2, column), pair(3, column)];
                    let a = _mm256_unpacklo_ps(rows[0], rows[1]);
                    let b = _mm256_unpackhi_ps(rows[0], rows[1]);
                    let c = _mm256_unpacklo_ps(rows[2], rows[3]);
                    let d = _mm256_unpackhi_ps(rows[2], rows[3]);
                    let to = |row: usize| to.add((column + row) * to_row).cast::<f32>();
                    _mm256_storeu_ps(to(0), _mm256_shuffle_ps::<0x44>(a, c));
                    _mm256_storeu_ps(to(1), _mm256_shuffle_ps::<0xee>(a, c));
                    _mm256_storeu_ps(to(2), _mm256_shuffle_ps::<0x44>(b, d));
                    _mm256_storeu_ps(to(3), _mm256_shuffle_ps::<0xee>(b, d));
                }
            }
        }

        #[inline(always)]
        fn prefetch(at: *const T) {
            // SAFETY: a hint reads nothing; SSE is in every machine of this architecture.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
        }
    }
}
