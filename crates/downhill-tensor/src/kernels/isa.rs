//! Which instructions the loops may use, found once and handed down as a value.
//!
//! # Testing without vectors
//! With the cargo feature `portable`, [`current`] is the portable set on every machine, so that
//! `cargo test --workspace --features downhill-tensor/portable` shows what a machine without AVX2 computes.
//! The other sets can still be asked for by name.

/// An instruction set that this machine was seen to have.
///
/// The value is the proof: there is no way to make one for instructions that the machine lacks. The last
/// bits of products may differ between sets (one fuses multiplication and addition), never within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Portable,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "x86_64")]
    Avx2Fma,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with the tiles of another set, which this machine may not have.
    #[cfg(all(test, target_arch = "x86_64"))]
    Avx2WithTiles(Tiles),
}

/// How products hold a tile of C in this set's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tiles {
    /// 16 registers of 128 bits, multiplication and addition apart.
    Portable,
    /// 16 registers of 256 bits, by intrinsics.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 32 registers of 128 bits.
    #[cfg(any(test, target_arch = "aarch64"))]
    Neon,
    /// 32 registers of 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// What every machine of this architecture has, multiplication and addition rounded apart.
    pub const PORTABLE: Isa = Isa(Kind::Portable);

    /// 128-bit vectors with fused multiplication and addition, which every 64-bit ARM machine has.
    #[inline]
    pub fn neon() -> Option<Isa> {
        #[cfg(target_arch = "aarch64")]
        return Some(Isa(Kind::Neon));
        #[cfg(not(target_arch = "aarch64"))]
        None
    }

    /// 256-bit vectors with fused multiplication and addition, if this machine has them.
    #[inline]
    pub fn avx2_fma() -> Option<Isa> {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return Some(Isa(Kind::Avx2Fma));
        }
        None
    }

    /// 512-bit vectors (AVX-512 F, VL and DQ, with AVX2 and FMA), if this machine has them.
    #[inline]
    pub fn avx512() -> Option<Isa> {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
            && Isa::avx2_fma().is_some()
        {
            return Some(Isa(Kind::Avx512));
        }
        None
    }

    /// Every set that this machine has, the best last.
    pub fn available() -> impl Iterator<Item = Isa> {
        [Some(Isa::PORTABLE), Isa::neon(), Isa::avx2_fma(), Isa::avx512()].into_iter().flatten()
    }

    /// The name under which a run records what it ran on.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Fma => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(all(test, target_arch = "x86_64"))]
            Kind::Avx2WithTiles(_) => "avx2+fma with other tiles",
        }
    }

    /// Whether a fused multiplication and addition is one instruction.
    #[inline(always)]
    pub fn has_fma(self) -> bool {
        !matches!(self.0, Kind::Portable)
    }

    /// Whether AVX2 and FMA may be used.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn has_avx2_fma(self) -> bool {
        self.has_fma()
    }

    /// Whether AVX-512 F may be used.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn has_avx512(self) -> bool {
        matches!(self.0, Kind::Avx512)
    }

    #[inline(always)]
    pub(crate) fn tiles(self) -> Tiles {
        match self.0 {
            Kind::Portable => Tiles::Portable,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => Tiles::Neon,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Fma => Tiles::Avx2,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => Tiles::Avx512,
            #[cfg(all(test, target_arch = "x86_64"))]
            Kind::Avx2WithTiles(tiles) => tiles,
        }
    }

    /// AVX2 with the tiles of a set that this machine may lack, to test these.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub(crate) fn avx2_with(tiles: Tiles) -> Option<Isa> {
        Isa::avx2_fma().map(|_| Isa(Kind::Avx2WithTiles(tiles)))
    }
}

/// The best set that this machine has; the portable one with the cargo feature `portable`. The standard
/// library looks once and remembers.
#[inline]
pub fn current() -> Isa {
    if cfg!(feature = "portable") {
        return Isa::PORTABLE;
    }
    Isa::avx512().or_else(Isa::avx2_fma).or_else(Isa::neon).unwrap_or(Isa::PORTABLE)
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
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => body(true),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this kind is only made where both features were detected.
        Kind::Avx2Fma => unsafe { with_avx2_fma(body) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` of this kind is only made where all five features were detected.
        Kind::Avx512 => unsafe { with_avx512(body) },
        #[cfg(all(test, target_arch = "x86_64"))]
        // SAFETY: as for AVX2.
        Kind::Avx2WithTiles(_) => unsafe { with_avx2_fma(body) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2_fma<R>(body: impl FnOnce(bool) -> R) -> R {
    body(true)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
fn with_avx512<R>(body: impl FnOnce(bool) -> R) -> R {
    body(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_set_is_the_best_available_or_the_portable_one() {
        let best = Isa::available().last();
        assert_eq!(Some(current()), if cfg!(feature = "portable") { Some(Isa::PORTABLE) } else { best });
        assert_eq!(vectorize(current(), |fma| fma), current().has_fma());
    }

    #[test]
    fn every_set_has_a_name_of_its_own() {
        let mut names: Vec<_> = Isa::available().map(Isa::name).collect();
        names.dedup();
        assert_eq!(names.len(), Isa::available().count());
    }
}
