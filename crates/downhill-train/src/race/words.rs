//! What a race showed, in words.

use crate::diagnosis::{Severity, Verdict};
use crate::page::readable;
use crate::race::{Currency, Edge, EntrantResult, Finish, First, RaceResult, Standing};

/// How a winner is told from the others.
const RULE: &str = "the interval from the first seed to the last lies before those of all others";

impl RaceResult {
    /// Who was first in each currency, whether the order is the same in all of them, and what is to be known of the
    /// learning rates.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let standings = self.standings();
        let mut verdicts: Vec<Verdict> = Vec::new();
        if self.interrupted {
            verdicts.push(Verdict {
                advice: "Run it again to its end.".into(),
                ..self.remark(
                    "interrupted",
                    Severity::Warning,
                    "The race was stopped before all had run: nobody is called the first.".into(),
                )
            });
        }
        verdicts.extend(standings.iter().map(|standing| self.who_was_first(standing)));
        verdicts.extend(self.change_of_order(&standings));
        verdicts.extend(self.batch_sizes(&standings));
        verdicts.extend(self.entrants.iter().flat_map(|entrant| self.about_the_rate(entrant)));
        verdicts.extend(self.entrants.iter().filter_map(|entrant| self.about_the_runs(entrant)));
        verdicts
    }

    /// `adam, batch of 64: 120 steps (100 to 150)`
    fn finish_in_words(&self, finish: &Finish, currency: Currency) -> String {
        let label = &self.entrants[finish.entrant].label;
        let unit = currency.name();
        match (finish.median, finish.earliest, finish.latest) {
            (Some(median), Some(earliest), Some(latest)) => {
                let [median, earliest, latest] = [median, earliest, latest].map(readable);
                format!("{label}: {median} {unit} ({earliest} to {latest})")
            }
            (median, _, _) => {
                let seeds = format!("{} of {} seeds reached it", finish.reached(), finish.arrivals.len());
                match median {
                    Some(median) => format!("{label}: {} {unit}, but only {seeds}", readable(median)),
                    None => format!("{label}: {seeds}"),
                }
            }
        }
    }

    fn who_was_first(&self, standing: &Standing) -> Verdict {
        let Standing { currency, first, finishes } = standing;
        let currency = *currency;
        let (unit, loss) = (currency.name(), self.target.as_ref().map_or(f64::NAN, |target| target.loss));
        let words = |index: usize| {
            let finish = finishes.iter().find(|finish| finish.entrant == index);
            finish.map_or_else(String::new, |finish| self.finish_in_words(finish, currency))
        };
        let list = |among: &[usize]| among.iter().map(|&index| words(index)).collect::<Vec<_>>().join("; ");
        let fastest = finishes.first();
        let mut verdict = Verdict {
            formula: format!("{unit} until the loss is at {}", readable(loss)),
            number: fastest.and_then(|finish| finish.median).unwrap_or(0.0),
            threshold: finishes
                .iter()
                .skip(1)
                .filter_map(|finish| finish.earliest)
                .fold(f64::INFINITY, f64::min),
            ..self.remark(&format!("first-in-{}", unit.replace(' ', "-")), Severity::Notice, String::new())
        };
        if !verdict.threshold.is_finite() {
            verdict.threshold = verdict.number;
        }
        verdict.finding = match first {
            First::Clearly(winner) => {
                let next = finishes.get(1).map_or_else(String::new, |finish| {
                    format!(" Next: {}.", self.finish_in_words(finish, currency))
                });
                format!("The first in {unit} is {}.{next}", words(*winner))
            }
            First::Alone(winner) => format!("Alone in the race: {}.", words(*winner)),
            First::Unclear(among) => format!("No clear winner in {unit} between {}.", list(among)),
            First::Nobody => format!("Nobody reached a loss of {} with every seed.", readable(loss)),
        };
        match first {
            First::Nobody => verdict.advice = "Raise the budget, or the target loss.".into(),
            First::Unclear(among) if among.iter().any(|&index| self.ran_out(finishes, index)) => {
                verdict.advice = format!(
                    "Some had spent their budget before they got there, with fewer {unit} than the fastest needed: a \
                     larger budget would show."
                );
            }
            First::Unclear(_) => {
                verdict.advice = "More seeds would show whether there is a difference.".into()
            }
            First::Clearly(_) if self.seeds.len() == 1 => {
                verdict.advice = "One seed says nothing of the spread: take at least 3.".into();
            }
            _ => {}
        }
        verdict
    }

    /// Whether an entrant had nothing more to spend before it reached the target.
    fn ran_out(&self, finishes: &[Finish], entrant: usize) -> bool {
        finishes.iter().any(|finish| finish.entrant == entrant && finish.latest.is_none())
    }

    /// Whether what is counted changes who is first.
    fn change_of_order(&self, standings: &[Standing]) -> Option<Verdict> {
        let fastest = |standing: &Standing| {
            let finish = standing.finishes.first().filter(|finish| finish.median.is_some())?;
            Some((standing.currency.name(), finish.entrant))
        };
        let fastest: Vec<(&str, usize)> = standings.iter().filter_map(fastest).collect();
        let (_, one) = fastest.first()?;
        if fastest.iter().all(|(_, entrant)| entrant == one) {
            return None;
        }
        let listed: Vec<String> = fastest
            .iter()
            .map(|(unit, entrant)| format!("{} by {unit}", self.entrants[*entrant].label))
            .collect();
        let mut different: Vec<usize> = fastest.iter().map(|(_, entrant)| *entrant).collect();
        different.sort_unstable();
        different.dedup();
        Some(Verdict {
            number: different.len() as f64,
            threshold: 1.0,
            formula: "entrants with the smallest median, over the currencies".into(),
            ..self.remark(
                "order-depends-on-the-currency",
                Severity::Notice,
                format!("What is counted decides who has the smallest median: {}.", listed.join(", ")),
            )
        })
    }

    /// With which batch size each optimizer has the smallest median, in each currency.
    fn batch_sizes(&self, standings: &[Standing]) -> Vec<Verdict> {
        let optimizer = |index: usize| {
            let label = &self.entrants[index].label;
            label.rsplit_once(", ").map_or((label.as_str(), ""), |(optimizer, batch)| (optimizer, batch))
        };
        let mut seen: Vec<&str> = Vec::new();
        let mut verdicts = Vec::new();
        for (name, _) in (0..self.entrants.len()).map(optimizer) {
            let sizes = (0..self.entrants.len()).filter(|&index| optimizer(index).0 == name).count();
            if seen.contains(&name) || sizes < 2 {
                continue;
            }
            seen.push(name);
            let best = |standing: &Standing| {
                let of_it = standing.finishes.iter().find(|finish| optimizer(finish.entrant).0 == name);
                let finish = of_it.filter(|finish| finish.median.is_some())?;
                Some((standing.currency.name(), optimizer(finish.entrant).1.to_owned()))
            };
            let best: Vec<(&str, String)> = standings.iter().filter_map(best).collect();
            let mut different: Vec<&String> = best.iter().map(|(_, batch)| batch).collect();
            different.sort_unstable();
            different.dedup();
            let listed: Vec<String> = best.iter().map(|(unit, batch)| format!("{unit}: {batch}")).collect();
            let finding = match different[..] {
                [] => continue,
                [batch] => format!("With {name}, the {batch} has the smallest median, whatever is counted."),
                _ => format!(
                    "With {name}, what is counted decides between batch sizes. {}.",
                    listed.join(", ")
                ),
            };
            verdicts.push(Verdict {
                place: Some(name.into()),
                number: different.len() as f64,
                threshold: 1.0,
                formula: "batch sizes with the smallest median, over the currencies".into(),
                ..self.remark("best-batch-size", Severity::Notice, finding)
            });
        }
        verdicts
    }

    /// What is to be known of a rate that was searched for.
    fn about_the_rate(&self, entrant: &EntrantResult) -> Vec<Verdict> {
        let Some(tuning) = &entrant.tuning else { return Vec::new() };
        let (lowest, highest) = (tuning.search.lowest, tuning.search.highest);
        let (diverged, trials) = (tuning.diverged(), tuning.trials.len());
        let place = Some(entrant.label.clone());
        let Some(rate) = tuning.learning_rate else {
            return vec![Verdict {
                place,
                number: diverged as f64,
                threshold: trials as f64,
                formula: "trials that diverged".into(),
                advice: "Search among smaller rates.".into(),
                ..self.remark(
                    "no-rate",
                    Severity::Failure,
                    format!(
                        "It did not run: all of its {trials} trials, with rates from {} to {}, diverged.",
                        readable(lowest),
                        readable(highest)
                    ),
                )
            }];
        };
        let edge = tuning.edge.map(|edge| {
            let (which, bound, word) = match edge {
                Edge::Lowest => ("smallest", lowest, "smaller"),
                Edge::Highest => ("largest", highest, "larger"),
            };
            Verdict {
                place,
                number: rate,
                threshold: bound,
                formula: "the best rate of the trials".into(),
                advice: format!("Search among {word} rates: a better one may lie there."),
                ..self.remark(
                    "rate-at-the-edge",
                    Severity::Warning,
                    format!("Its best rate, {}, is the {which} that was tried.", readable(rate)),
                )
            }
        });
        edge.into_iter().collect()
    }

    /// What is to be known of runs that ended too early.
    fn about_the_runs(&self, entrant: &EntrantResult) -> Option<Verdict> {
        let diverged =
            entrant.courses.iter().filter(|course| course.end == crate::race::End::Diverged).count();
        (diverged > 0).then(|| Verdict {
            place: Some(entrant.label.clone()),
            number: diverged as f64,
            threshold: 0.0,
            formula: "runs whose loss is not finite, or a thousand times what it was".into(),
            advice: "Take a smaller rate, or trials as long as the race.".into(),
            ..self.remark(
                "diverged",
                Severity::Warning,
                format!("{diverged} of its {} runs diverged.", entrant.courses.len()),
            )
        })
    }

    fn remark(&self, name: &str, severity: Severity, finding: String) -> Verdict {
        Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number: self.seeds.len() as f64,
            threshold: 0.0,
            formula: "seeds".into(),
            source: RULE.into(),
            advice: String::new(),
        }
    }
}
