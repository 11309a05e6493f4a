//! The name that somebody probably meant, for the errors of all crates.

/// The candidate nearest to `name` by edit distance without regard to case, if it is near enough to be a
/// slip: at most a third of the letters.
///
/// ```
/// use downhill_tensor::suggest::nearest;
/// assert_eq!(nearest("Irsi", ["iris", "wine"]), None);
/// assert_eq!(nearest("iriss", ["iris", "wine"]).as_deref(), Some("iris"));
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// The Levenshtein distance: the least number of letters to insert, delete or replace.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let names = ["sphere", "rosenbrock", "beale"];
        assert_eq!(nearest("Rosenbrok", names).as_deref(), Some("rosenbrock"));
        assert_eq!(nearest("bale", names).as_deref(), Some("beale"));
        assert_eq!(nearest("newton", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
