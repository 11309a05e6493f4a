//! Where the time of a plan goes.

use crate::rates::Rates;
use crate::schedule::{Schedule, short};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How long the loops of a plan have taken: see [`Plan::start_profiling`](crate::Plan::start_profiling).
///
/// `Display` prints a line for each loop, and one for each layer; [`Profile::against`] prints the same with the
/// share of what the machine could do.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The loops.
    pub schedule: Schedule,
    /// The number of runs that were measured.
    pub runs: u64,
    /// The time of these runs, from call to return.
    pub time: Duration,
    /// The time of each loop in these runs, added up over threads: two threads that are busy for a second have
    /// taken two.
    pub times: Vec<Duration>,
}

impl Profile {
    /// The time of one run.
    pub fn time_of_a_run(&self) -> Duration {
        self.time.div_f64(self.runs.max(1) as f64)
    }

    /// The time of all loops of each layer, by its path, in these runs.
    pub fn by_layer(&self) -> BTreeMap<&str, Duration> {
        let mut layers = BTreeMap::new();
        for (each, time) in self.schedule.loops.iter().zip(&self.times) {
            *layers.entry(each.layer.as_str()).or_default() += *time;
        }
        layers
    }

    /// The share of the time of loop `number` in which a machine of these rates could do its work: the larger of
    /// operations over the rate of products and bytes over the rate of memory. More than 1 says that what it
    /// moved was in a cache.
    pub fn share_of_peak(&self, number: usize, rates: &Rates) -> f64 {
        let each = &self.schedule.loops[number];
        let operations = each.operations as f64 / rates.operations_per_second;
        let floor = operations.max(each.bytes as f64 / rates.bytes_per_second) * rates.threads as f64;
        floor * self.runs as f64 / self.times[number].as_secs_f64().max(1e-12)
    }

    /// The same, to be printed beside what a machine of these rates could do.
    pub fn against<'a>(&'a self, rates: &'a Rates) -> impl fmt::Display + 'a {
        Table { profile: self, rates: Some(rates) }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table { profile: self, rates: None }.fmt(f)
    }
}

struct Table<'a> {
    profile: &'a Profile,
    rates: Option<&'a Rates>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Profile { schedule, runs, times, .. } = self.profile;
        let busy: Duration = times.iter().sum();
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / (*runs).max(1) as f64;
        let share = |time: Duration| 100.0 * time.as_secs_f64() / busy.as_secs_f64().max(1e-12);
        writeln!(
            f,
            "profile of {runs} runs: {:.1} µs a run on {} threads, which were busy for {:.1} µs together",
            self.profile.time_of_a_run().as_secs_f64() * 1e6,
            schedule.threads,
            micros(busy),
        )?;
        let of_peak = if self.rates.is_some() { "of peak" } else { "" };
        writeln!(
            f,
            "  {:>4} {:>10} {:>7} {of_peak:>8} {:>10} {:>9} {:>9}  {:<28} layer",
            "loop", "µs", "share", "operations", "bytes", "FLOP/s", "kind"
        )?;
        for (number, (each, &time)) in schedule.loops.iter().zip(times).enumerate() {
            let peak = self.rates.map(|rates| 100.0 * self.profile.share_of_peak(number, rates));
            let rate = each.operations as f64 * *runs as f64 / time.as_secs_f64().max(1e-12);
            writeln!(
                f,
                "  {number:>4} {:>10.2} {:>5.1} % {:>8} {:>10} {:>9} {:>9}  {:<28} {}",
                micros(time),
                share(time),
                peak.map_or(String::new(), |peak| format!("{peak:.0} %")),
                short(each.operations as f64),
                short(each.bytes as f64),
                short(rate),
                each.kind,
                each.layer,
            )?;
        }
        for (layer, time) in self.profile.by_layer() {
            let layer = if layer.is_empty() { "(top)" } else { layer };
            writeln!(f, "  {:>4} {:>10.2} {:>5.1} %  {layer}", "", micros(time), share(time))?;
        }
        Ok(())
    }
}
