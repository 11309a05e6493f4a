//! An axis: what it shows, where a value lies on it, and which values are written beside it.

use super::numbers::{exponent_of, grouped, power_of_ten, scientific, ten_to};

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long. Only positive numbers have a place.
    Logarithmic,
}

/// What an axis of a chart shows, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows: `loss`.
    pub title: String,
    /// The unit of its numbers, if they have one: `s`.
    pub unit: String,
    /// How values lie on it.
    pub scale: Scale,
    /// Its ends, where they should not follow from the values; what lies outside is cut off.
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// An axis on which equal differences are equally long.
    pub fn linear(title: impl Into<String>) -> Self {
        Axis { title: title.into(), ..Axis::default() }
    }

    /// An axis on which equal ratios are equally long.
    pub fn logarithmic(title: impl Into<String>) -> Self {
        Axis { title: title.into(), scale: Scale::Logarithmic, ..Axis::default() }
    }

    /// With this unit, which is written in brackets after the title.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// From `low` to `high`, whatever the values.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }

    /// Title and unit.
    pub(super) fn heading(&self) -> String {
        if self.unit.is_empty() { self.title.clone() } else { format!("{} ({})", self.title, self.unit) }
    }
}

/// A value that is written beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// The part of an axis that is shown. Its ends are finite and apart, whatever it was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    scale: Scale,
    /// Of the values, or of their decimal logarithms.
    low: f64,
    high: f64,
}

/// How much is added at each end of a range, as a share of it.
const AIR: f64 = 0.03;

impl Range {
    /// The range of the values that have a place on the axis; `None` where there is none. `close` ends at the
    /// outermost values themselves.
    pub fn of(axis: &Axis, values: impl IntoIterator<Item = f64>, close: bool) -> Option<Self> {
        let scale = axis.scale;
        let of = |values: &mut dyn Iterator<Item = f64>| {
            let placed = values.filter_map(|value| transformed(scale, value));
            placed.fold(None, |ends: Option<(f64, f64)>, value| {
                Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
            })
        };
        // A given range without any width says no more than none.
        let given = axis.range.and_then(|ends| of(&mut ends.into_iter())).filter(|(low, high)| low < high);
        let (low, high) = given.or_else(|| of(&mut values.into_iter()))?;
        // Relative to the numbers themselves: what is closer together cannot be told apart by ticks either.
        let magnitude = low.abs().max(high.abs());
        let range = if high / 2.0 - low / 2.0 <= magnitude * 1e-12 {
            let pad = match scale {
                Scale::Linear => (magnitude * 0.1).max(1e-300),
                Scale::Logarithmic => 0.3,
            };
            let pad = if magnitude == 0.0 { 1.0 } else { pad };
            Range { scale, low: low - pad, high: high + pad }
        } else if given.is_some() || close {
            Range { scale, low, high }
        } else {
            let pad = AIR * high - AIR * low;
            // Zero is worth seeing where it is near.
            let (bottom, top) = (low - pad, high + pad);
            let near = scale == Scale::Linear && low >= 0.0 && low < 0.3 * high;
            let near_above = scale == Scale::Linear && high <= 0.0 && high > 0.3 * low;
            Range { scale, low: if near { 0.0 } else { bottom }, high: if near_above { 0.0 } else { top } }
        };
        // What is added at the ends may be more than there is.
        let (least, most) = match scale {
            Scale::Linear => (f64::MIN, f64::MAX),
            Scale::Logarithmic => (-323.6, 308.26),
        };
        Some(Range { low: range.low.max(least), high: range.high.min(most), ..range })
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper one. `None` for what has no place on the axis: numbers
    /// that are not finite, on a logarithmic axis also those that are not positive.
    pub fn place(&self, value: f64) -> Option<f64> {
        let value = transformed(self.scale, value)?;
        // Halves, since the difference of two finite numbers may be infinite; and no further outside than a
        // picture can say.
        let place = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        Some(place.clamp(-100.0, 100.0))
    }

    /// The values to be written: not many more than `most`, at 1, 2 and 5 times powers of ten; at whole numbers only,
    /// if asked.
    pub fn ticks(&self, most: usize, whole: bool) -> Vec<Tick> {
        let most = most.max(2);
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, most, whole),
            Scale::Logarithmic => {
                let powers = self.low.ceil() as i32..=self.high.floor() as i32;
                let count = powers.clone().count();
                if count >= 3 || (count == 2 && most < 4) {
                    let step = count.div_ceil(most);
                    let every = powers.filter(|power| power.rem_euclid(step as i32) == 0);
                    return every
                        .map(|power| Tick { value: ten_to(power), label: log_label(1, power) })
                        .filter(|tick| tick.value > 0.0)
                        .collect();
                }
                let mut ticks = Vec::new();
                for power in self.low.floor() as i32..=self.high.floor() as i32 {
                    for factor in [1, 2, 5] {
                        let value = f64::from(factor) * ten_to(power);
                        if self.place(value).is_some_and(|place| (0.0..=1.0).contains(&place)) {
                            ticks.push(Tick { value, label: log_label(factor, power) });
                        }
                    }
                }
                if ticks.len() >= 3 || 10f64.powf(self.high).is_infinite() {
                    if ticks.len() > most + 1 {
                        ticks.retain(|tick| !tick.label.trim_start_matches(['0', '.']).starts_with('2'));
                    }
                    return ticks;
                }
                let ticks = linear_ticks(10f64.powf(self.low), 10f64.powf(self.high), most.min(4), whole);
                ticks.into_iter().filter(|tick| tick.value > 0.0).collect()
            }
        }
    }
}

/// The number that is proportional to the place on the axis.
fn transformed(scale: Scale, value: f64) -> Option<f64> {
    match scale {
        Scale::Linear => Some(value).filter(|value| value.is_finite()),
        Scale::Logarithmic => Some(value.log10()).filter(|_| value > 0.0 && value.is_finite()),
    }
}

fn linear_ticks(low: f64, high: f64, most: usize, whole: bool) -> Vec<Tick> {
    let rough = high / most as f64 - low / most as f64;
    if rough <= 0.0 || !rough.is_finite() {
        return Vec::new();
    }
    let power = ten_to(exponent_of(rough));
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * (1.0 - 1e-9));
    let step = power * factor.unwrap_or(10.0);
    let step = if whole { step.max(1.0) } else { step };
    if step <= 0.0 || !step.is_finite() {
        return Vec::new();
    }
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(-1.0, 100.0) as i64;
    let largest = low.abs().max(high.abs());
    (0..=count)
        .map(|index| {
            // `+ 0.0` makes zero of minus zero.
            let value = (first + index as f64) * step + 0.0;
            Tick { value, label: linear_label(value, step, largest) }
        })
        // The slack above is a share of the step, which whole numbers may make larger than the range.
        .filter(|tick| {
            tick.value >= low - (high / 2.0 - low / 2.0) * 1e-6
                && tick.value <= high + (high / 2.0 - low / 2.0) * 1e-6
        })
        .collect()
}

/// A value among multiples of a step, with as many digits as tell them apart.
fn linear_label(value: f64, step: f64, largest: f64) -> String {
    let finest = exponent_of(step);
    if largest >= 1e7 || finest < -5 {
        let digits = exponent_of(value) - finest;
        return scientific(value, usize::try_from(digits).unwrap_or(0).min(12));
    }
    grouped(&format!("{value:.*}", usize::try_from(-finest).unwrap_or(0)))
}

fn log_label(factor: i32, power: i32) -> String {
    match (factor, power) {
        (_, -3..=3) => {
            let value = f64::from(factor) * ten_to(power);
            format!("{value:.*}", usize::try_from(-power).unwrap_or(0))
        }
        (1, _) => power_of_ten(power),
        _ => format!("{factor}×{}", power_of_ten(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis, values: [f64; 2], most: usize, whole: bool) -> Vec<String> {
        let range = Range::of(axis, values, true).unwrap();
        range.ticks(most, whole).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_at_one_two_and_five_times_powers_of_ten() {
        let (linear, logarithmic) = (Axis::linear(""), Axis::logarithmic(""));
        assert_eq!(labels(&linear, [0.0, 1.0], 5, false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear, [-3.0, 12.0], 5, false), ["0", "5", "10"]);
        assert_eq!(labels(&linear, [0.0, 20_000.0], 4, false), ["0", "5000", "10,000", "15,000", "20,000"]);
        assert_eq!(labels(&linear, [1.0, 3.0], 8, true), ["1", "2", "3"]);
        assert_eq!(labels(&linear, [0.0, 3e-7], 3, false), ["0", "10⁻⁷", "2×10⁻⁷", "3×10⁻⁷"]);
        assert_eq!(labels(&logarithmic, [1e-2, 1e2], 8, false), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&logarithmic, [1e-8, 1e8], 5, false), ["10⁻⁸", "10⁻⁴", "1", "10⁴", "10⁸"]);
        assert_eq!(labels(&logarithmic, [0.3, 6.0], 5, false), ["0.5", "1", "2", "5"]);
        assert_eq!(labels(&logarithmic, [1.0, 1.3], 5, false), ["1.0", "1.1", "1.2", "1.3"]);
    }

    #[test]
    fn values_without_a_place_have_none() {
        let range = Range::of(&Axis::logarithmic(""), [1.0, 100.0, 0.0, f64::NAN], true).unwrap();
        assert_eq!(range.place(10.0), Some(0.5));
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|value| range.place(value)), [None; 4]);
        assert_eq!(Range::of(&Axis::logarithmic(""), [0.0, -1.0], true), None);
        assert_eq!(Range::of(&Axis::linear(""), [], true), None);
    }

    #[test]
    fn a_constant_lies_in_the_middle() {
        for (axis, value) in [
            (Axis::linear(""), 0.0),
            (Axis::linear(""), 5.0),
            (Axis::linear(""), -1e-310),
            (Axis::linear(""), 1e300),
            (Axis::logarithmic(""), 1e-300),
        ] {
            let place = Range::of(&axis, [value, value], false).unwrap().place(value).unwrap();
            assert!((place - 0.5).abs() < 0.01, "{value}: {place}");
        }
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>(), -10.0..10.0, Just(0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324)]
    }

    proptest! {
        #[test]
        fn whatever_the_values_places_and_ticks_are_within(
            values in prop::collection::vec(number(), 1..6),
            logarithmic: bool,
            close: bool,
            whole: bool,
            most in 0usize..12,
        ) {
            let axis = if logarithmic { Axis::logarithmic("") } else { Axis::linear("") };
            if let Some(range) = Range::of(&axis, values.iter().copied(), close) {
                for place in values.iter().filter_map(|&value| range.place(value)) {
                    prop_assert!((-1e-9..=1.0 + 1e-9).contains(&place), "{place}");
                }
                let ticks = range.ticks(most, whole);
                prop_assert!(ticks.len() <= 3 * most.max(2), "{ticks:?}");
                for tick in &ticks {
                    let place = range.place(tick.value);
                    prop_assert!(place.is_some_and(|place| (-1e-6..=1.0 + 1e-6).contains(&place)), "{tick:?} {range:?}");
                }
                for pair in ticks.windows(2) {
                    prop_assert!(pair[0].value < pair[1].value && pair[0].label != pair[1].label, "{pair:?}");
                }
            }
        }
    }
}
