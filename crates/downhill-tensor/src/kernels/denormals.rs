//! Flushing of denormal numbers.
//!
//! Numbers below the smallest normal one (1.2e-38 in f32) are computed in microcode on many processors, a
//! hundred times slower than others, and mean nothing in training. While a guard lives, they count as 0.

use std::marker::PhantomData;

/// While it lives, operations of this thread take denormal numbers for 0 and give 0 for them, where the
/// processor can be told so (x86-64: FTZ and DAZ; aarch64: FZ; elsewhere nothing changes). Dropping it
/// restores what was set before.
///
/// It stays on its thread; threads that are started meanwhile may inherit the setting. Guards that overlap must be dropped in the reverse order of their making, as scopes
/// do.
///
/// ```
/// use downhill_tensor::kernels::denormals::FlushDenormals;
/// let half = |x: f32| std::hint::black_box(x) * 0.5;
/// {
///     let _flush = FlushDenormals::new();
///     assert!(half(f32::MIN_POSITIVE) == 0.0 || cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64"))));
/// }
/// assert_ne!(half(f32::MIN_POSITIVE), 0.0);
/// ```
#[derive(Debug)]
#[must_use = "denormal numbers are flushed while the guard lives"]
pub struct FlushDenormals {
    before: control::Word,
    /// The setting belongs to the thread, so the guard must not leave it.
    thread: PhantomData<*const ()>,
}

impl FlushDenormals {
    /// Flushes denormal numbers on this thread from now on.
    #[inline]
    pub fn new() -> Self {
        let before = control::read();
        if before | control::FLUSH != before {
            control::write(before | control::FLUSH);
        }
        FlushDenormals { before, thread: PhantomData }
    }
}

impl Default for FlushDenormals {
    fn default() -> Self {
        FlushDenormals::new()
    }
}

impl Drop for FlushDenormals {
    #[inline]
    fn drop(&mut self) {
        if self.before | control::FLUSH != self.before {
            control::write((control::read() & !control::FLUSH) | (self.before & control::FLUSH));
        }
    }
}

/// The control register of the vector unit.
#[cfg(target_arch = "x86_64")]
mod control {
    use std::arch::asm;

    pub(super) type Word = u32;
    /// Results that are denormal (bit 15) and operands that are (bit 6) count as zero.
    pub(super) const FLUSH: Word = 1 << 15 | 1 << 6;

    #[inline]
    pub(super) fn read() -> Word {
        let mut word: Word = 0;
        // SAFETY: writes the register to `word`, which is as large.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
        word
    }

    #[inline]
    pub(super) fn write(word: Word) {
        // SAFETY: `word` comes from the register, but for two bits that only say what becomes of denormal
        // numbers: no exception is unmasked and rounding stays as it is.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
    }
}

/// The control register of the vector unit.
#[cfg(target_arch = "aarch64")]
mod control {
    use std::arch::asm;

    pub(super) type Word = u64;
    /// Denormal operands and results count as zero (bit 24).
    pub(super) const FLUSH: Word = 1 << 24;

    #[inline]
    pub(super) fn read() -> Word {
        let word: Word;
        // SAFETY: reads a register that every program may read.
        unsafe { asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    #[inline]
    pub(super) fn write(word: Word) {
        // SAFETY: `word` comes from the register, but for a bit that only says what becomes of denormal
        // numbers.
        unsafe { asm!("msr fpcr, {}", in(reg) word, options(nostack, preserves_flags)) };
    }
}

/// Nothing is known to be told.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod control {
    pub(super) type Word = u32;
    pub(super) const FLUSH: Word = 0;

    pub(super) fn read() -> Word {
        0
    }

    pub(super) fn write(_: Word) {}
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Whether a denormal result, and a denormal operand, are kept.
    fn kept() -> [bool; 2] {
        let result = black_box(f32::MIN_POSITIVE) * black_box(0.5);
        let operand = black_box(f64::MIN_POSITIVE / 4.0) * black_box(16.0);
        [result != 0.0, operand != 0.0]
    }

    #[test]
    fn denormal_numbers_are_zero_while_a_guard_lives() {
        assert_eq!(kept(), [true; 2]);
        let guard = FlushDenormals::new();
        assert_eq!(kept(), [false; 2]);
        drop(guard);
        assert_eq!(kept(), [true; 2]);
    }

    #[test]
    fn an_inner_guard_leaves_the_outer_one_in_force() {
        let outer = FlushDenormals::new();
        drop(FlushDenormals::new());
        assert_eq!(kept(), [false; 2]);
        drop(outer);
        assert_eq!(kept(), [true; 2]);
    }

    #[test]
    fn the_setting_is_restored_when_a_panic_unwinds() {
        let caught = std::panic::catch_unwind(|| {
            let _guard = FlushDenormals::new();
            assert_eq!(kept(), [true; 2]);
        });
        assert!(caught.is_err());
        assert_eq!(kept(), [true; 2]);
    }

    #[test]
    fn a_thread_that_runs_already_is_not_affected() {
        let (start, started) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || started.recv().map(|()| kept()));
        let _guard = FlushDenormals::new();
        assert!(start.send(()).is_ok());
        assert!(matches!(other.join(), Ok(Ok([true, true]))));
    }

    #[test]
    fn normal_numbers_keep_their_rounding() {
        let third = || black_box(1.0f32) / black_box(3.0);
        let before = third();
        let _guard = FlushDenormals::new();
        assert_eq!(third().to_bits(), before.to_bits());
    }
}
