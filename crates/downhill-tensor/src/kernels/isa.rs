//! Which instructions the loops may use, found once and handed down as a value.

/// An instruction set that this machine was seen to have.
///
/// The value is the proof: there is no way to make one for instructions that the machine lacks. The last
/// bits of products may differ between sets (one fuses multiplication and addition), never within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2Fma,
}

impl Isa {
    /// What every machine of this architecture has.
    pub const PORTABLE: Isa = Isa(Kind::Portable);

    /// 256-bit vectors with fused multiplication and addition, if this machine has them.
    pub fn avx2_fma() -> Option<Isa> {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return Some(Isa(Kind::Avx2Fma));
        }
        None
    }

    /// Every set that this machine has, the best last.
    pub fn available() -> impl Iterator<Item = Isa> {
        [Some(Isa::PORTABLE), Isa::avx2_fma()].into_iter().flatten()
    }

    /// The name under which a run records what it ran on.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Fma => "avx2+fma",
        }
    }

    /// Whether a fused multiplication and addition is one instruction.
    pub fn has_fma(self) -> bool {
        self != Isa::PORTABLE
    }
}

/// The best set that this machine has. The standard library looks once and remembers.
#[inline]
pub fn current() -> Isa {
    Isa::avx2_fma().unwrap_or(Isa::PORTABLE)
}

/// Runs `body` compiled for this instruction set; its argument says whether fused multiplication and
/// addition is one instruction (it is a constant once `body` is inlined).
///
/// `body` and all that it calls in its loops must be `#[inline(always)]`, or it is compiled for the
/// portable set after all.
#[inline(always)]
pub fn vectorize<R>(isa: Isa, body: impl FnOnce(bool) -> R) -> R {
    match isa.0 {
        Kind::Portable => body(false),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this kind is only made where both features were detected.
        Kind::Avx2Fma => unsafe { with_avx2_fma(body) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2_fma<R>(body: impl FnOnce(bool) -> R) -> R {
    body(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_set_is_the_best_available() {
        assert_eq!(Isa::available().last(), Some(current()));
        assert_eq!(vectorize(current(), |fma| fma), current().has_fma());
    }
}
