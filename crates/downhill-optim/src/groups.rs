//! Parameters that are treated differently, chosen by name.

use crate::{Error, Result, Rule, Step};
use downhill_tensor::ParameterLayout;
use serde::{Deserialize, Serialize};

/// How many names an error shows.
const NAMES_SHOWN: usize = 8;

/// What to do differently for the parameters whose names match a pattern.
///
/// In a pattern `*` stands for any characters, none and dots included, and `?` for exactly one.
///
/// ```
/// use downhill_optim::ParameterGroup;
/// // Biases are not decayed; the embedding stays as it is.
/// let groups = [
///     ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching("*.bias") },
///     ParameterGroup { frozen: true, ..ParameterGroup::matching("embedding.*") },
/// ];
/// assert!(groups[0].matches("encoder.0.bias"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// The names it is for.
    pub pattern: String,
    /// Multiplies the learning rate; default 1.
    #[serde(default = "one")]
    pub learning_rate_factor: f64,
    /// The weight decay instead of the rule's; default `None`, the rule's own.
    #[serde(default)]
    pub weight_decay: Option<f64>,
    /// Whether these parameters, and their state, are left alone; default `false`.
    #[serde(default)]
    pub frozen: bool,
}

fn one() -> f64 {
    1.0
}

impl ParameterGroup {
    /// The group of the names that match, treated like all others until a field says otherwise.
    pub fn matching(pattern: impl Into<String>) -> Self {
        ParameterGroup {
            pattern: pattern.into(),
            learning_rate_factor: 1.0,
            weight_decay: None,
            frozen: false,
        }
    }

    /// Whether a parameter of this name belongs to the group.
    pub fn matches(&self, name: &str) -> bool {
        matches_pattern(&self.pattern, name)
    }

    fn validate(&self, rule: &impl Rule) -> Result<()> {
        let owner = || format!("group {:?}", self.pattern);
        Error::check_at_least_zero(&owner(), "learning_rate_factor", self.learning_rate_factor)?;
        let Some(decay) = self.weight_decay else { return Ok(()) };
        Error::check_at_least_zero(&owner(), "weight_decay", decay)?;
        if decay > 0.0 && rule.weight_decay().is_none() {
            let reason = "its weight_decay would be ignored, because the optimizer has none; choose another \
                          optimizer or leave it out";
            return Err(Error::Conflict { owner: owner(), reason });
        }
        Ok(())
    }
}

/// A run of parameters that are treated alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Where it ends, and the next begins.
    pub end: usize,
    pub learning_rate_factor: f64,
    pub weight_decay: f64,
    pub frozen: bool,
}

impl Segment {
    /// The step of these parameters, where `all` is that of parameters in no group.
    #[inline]
    pub fn step(&self, all: &Step) -> Step {
        Step {
            learning_rate: all.learning_rate * self.learning_rate_factor,
            weight_decay: self.weight_decay,
            group_factor: self.learning_rate_factor,
            ..*all
        }
    }
}

/// The segments of a layout in order, neighbours that are treated alike merged.
pub(crate) fn segments(
    rule: &impl Rule,
    layout: &ParameterLayout,
    groups: &[ParameterGroup],
) -> Result<Vec<Segment>> {
    groups.iter().try_for_each(|group| group.validate(rule))?;
    check_reach(layout, groups)?;
    let mut segments: Vec<Segment> = Vec::new();
    for entry in layout.entries() {
        let group = groups.iter().find(|group| group.matches(&entry.name));
        let segment = Segment {
            end: entry.range().end,
            learning_rate_factor: group.map_or(1.0, |group| group.learning_rate_factor),
            weight_decay: group
                .and_then(|group| group.weight_decay)
                .or(rule.weight_decay())
                .unwrap_or_default(),
            frozen: group.is_some_and(|group| group.frozen),
        };
        match segments.last_mut() {
            Some(last) if (Segment { end: segment.end, ..*last }) == segment => last.end = segment.end,
            _ => segments.push(segment),
        }
    }
    Ok(segments)
}

/// Refuses a group that no parameter falls to: it is a slip, and silence would hide it.
fn check_reach(layout: &ParameterLayout, groups: &[ParameterGroup]) -> Result<()> {
    for (index, group) in groups.iter().enumerate() {
        let mut matched = layout.entries().iter().filter(|entry| group.matches(&entry.name)).peekable();
        let Some(first) = matched.peek() else {
            return Err(Error::PatternMatchesNothing {
                pattern: group.pattern.clone(),
                count: layout.entries().len(),
                names: layout.entries().iter().take(NAMES_SHOWN).map(|entry| entry.name.clone()).collect(),
            });
        };
        let earlier = &groups[..index];
        let taker = earlier.iter().find(|taker| taker.matches(&first.name));
        if let Some(taker) = taker
            && matched.all(|entry| earlier.iter().any(|taker| taker.matches(&entry.name)))
        {
            let (pattern, earlier) = (group.pattern.clone(), taker.pattern.clone());
            return Err(Error::GroupShadowed { pattern, earlier });
        }
    }
    Ok(())
}

/// Whether `name` matches `pattern`, where `*` is any run of characters and `?` any one.
///
/// On a mismatch only the last `*` needs to take more, because whatever an earlier one could take, the last
/// one can: at most `pattern.len() * name.len()` steps.
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut retry = None;
    loop {
        let before_name = name.clone();
        let matched = match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                name = before_name;
                retry = Some((pattern.clone(), name.clone()));
                true
            }
            (Some('?'), Some(_)) => true,
            (Some(expected), Some(actual)) => expected == actual,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if matched {
            continue;
        }
        let Some((after_star, rest)) = &mut retry else { return false };
        if rest.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        name = rest.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GradientDescent, Sgd};
    use proptest::prelude::*;

    /// The definition, by recursion.
    fn matches_by_definition(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=name.len()).any(|n| matches_by_definition(rest, &name[n..])),
            (Some(('?', pattern)), Some((_, name))) => matches_by_definition(pattern, name),
            (Some((a, pattern)), Some((b, name))) => a == b && matches_by_definition(pattern, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_by_their_definition(pattern in "[ab.*?é]{0,7}", name in "[ab.é]{0,9}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = matches_by_definition(&characters(&pattern), &characters(&name));
            prop_assert_eq!(matches_pattern(&pattern, &name), expected);
        }

        #[test]
        fn a_name_matches_itself_and_what_its_parts_are_blanked_to(name in "[a-z.0-9]{1,12}", at in 0usize..12) {
            prop_assert!(matches_pattern(&name, &name));
            let at = at % name.len();
            let blanked = format!("{}?{}", &name[..at], &name[at + 1..]);
            let (starred, longer) = (format!("{}*", &name[..at]), format!("{name}x"));
            prop_assert!(matches_pattern(&blanked, &name) && matches_pattern(&starred, &name));
            prop_assert!(!matches_pattern(&name, &longer));
        }
    }

    fn layout() -> ParameterLayout {
        let mut layout = ParameterLayout::default();
        for (name, len) in [("0.weight", 6), ("0.bias", 2), ("1.weight", 4), ("1.bias", 2), ("1.scale", 1)] {
            layout.push(name, [len], false).unwrap();
        }
        layout
    }

    #[test]
    fn the_first_match_wins_and_equal_neighbours_merge() {
        let groups = [
            ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching("*.bias") },
            ParameterGroup { weight_decay: Some(0.0), ..ParameterGroup::matching("*.scale") },
            ParameterGroup { learning_rate_factor: 0.5, ..ParameterGroup::matching("1.*") },
        ];
        let rule = Sgd { weight_decay: 0.1, ..Sgd::default() };
        let found = segments(&rule, &layout(), &groups).unwrap();
        let summary: Vec<_> = found.iter().map(|s| (s.end, s.learning_rate_factor, s.weight_decay)).collect();
        assert_eq!(summary, [(6, 1.0, 0.1), (8, 1.0, 0.0), (12, 0.5, 0.1), (15, 1.0, 0.0)]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_named_with_what_there_is() {
        let groups = [ParameterGroup::matching("*.biases")];
        let error = segments(&Sgd::default(), &layout(), &groups).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the group pattern \"*.biases\" matches none of the 5 parameters; they are called 0.weight, \
             0.bias, 1.weight, 1.bias, 1.scale"
        );
    }

    #[test]
    fn a_group_behind_a_wider_one_is_refused() {
        let groups = [ParameterGroup::matching("*"), ParameterGroup::matching("*.bias")];
        let error = segments(&Sgd::default(), &layout(), &groups).unwrap_err();
        assert_eq!(error, Error::GroupShadowed { pattern: "*.bias".into(), earlier: "*".into() });
    }

    #[test]
    fn a_decay_that_the_rule_would_ignore_is_refused() {
        let decayed = ParameterGroup { weight_decay: Some(0.1), ..ParameterGroup::matching("*.weight") };
        let error =
            segments(&GradientDescent::default(), &layout(), std::slice::from_ref(&decayed)).unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        let undecayed = ParameterGroup { weight_decay: Some(0.0), ..decayed };
        assert!(segments(&GradientDescent::default(), &layout(), &[undecayed]).is_ok());
    }
}
