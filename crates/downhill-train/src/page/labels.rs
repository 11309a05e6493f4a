//! Labels that do not lie on each other, and how wide they are.

/// About how wide a text is, in units of `size`, the height of its font. Fonts differ: it is on the generous side for
/// the usual ones without serifs.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' => 0.32,
        'f' | 'r' | 't' | 'I' | ' ' | '(' | ')' | '[' | ']' | '-' | '/' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '<' | '>' | '=' | '+' | '~' | '→' => 0.95,
        'A'..='Z' | '&' | '×' | '\u{2212}' => 0.72,
        '⁰'..='⁹' | '⁻' | '¹' | '²' | '³' => 0.4,
        '\u{0}'..='\u{2fff}' => 0.6,
        _ => 1.05,
    };
    size * text.chars().map(of).sum::<f64>()
}

/// A text that is no wider than `most`, cut with an ellipsis if need be.
pub(super) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width(&kept, size) + 0.9 * size > most {
            kept.pop();
            break;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

/// Places for labels that would like to stand at `wanted`: at least `gap` apart, between `low` and `high` if there is
/// room, and as near to what was wanted as that allows (least squares). The order is kept; equal ones keep theirs.
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // Without the gaps before it, each place must not be less than the one before: an isotonic regression, by pooling
    // neighbours that violate it.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut pool = (wanted[index] - gap * rank as f64, 1);
        while let Some(before) = pools.pop_if(|before| before.0 > pool.0) {
            let count = before.1 + pool.1;
            pool = ((before.0 * before.1 as f64 + pool.0 * pool.1 as f64) / count as f64, count);
        }
        pools.push(pool);
    }
    let last = (high - gap * order.len().saturating_sub(1) as f64).max(low);
    let flat = pools.iter().flat_map(|&(place, count)| std::iter::repeat_n(place.clamp(low, last), count));
    let mut places = vec![0.0; wanted.len()];
    for (rank, (&index, place)) in order.iter().zip(flat).enumerate() {
        places[index] = place + gap * rank as f64;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_with_room_stand_where_they_would_like_to() {
        assert_eq!(spread(&[50.0, 10.0, 90.0], 16.0, 0.0, 100.0), [50.0, 10.0, 90.0]);
        assert_eq!(spread(&[50.0, 50.0], 16.0, 0.0, 100.0), [42.0, 58.0]);
        assert_eq!(spread(&[100.0, 100.0, 0.0], 16.0, 0.0, 100.0), [84.0, 100.0, 0.0]);
    }

    #[test]
    fn a_text_that_is_too_wide_ends_with_an_ellipsis() {
        assert_eq!(fitted("training", 13.0, 100.0), "training");
        let short = fitted("a name that goes on and on", 13.0, 60.0);
        assert!(short.ends_with('…') && width(&short, 13.0) <= 65.0, "{short}");
    }

    proptest! {
        #[test]
        fn labels_never_lie_on_each_other(wanted in prop::collection::vec(0.0..200.0f64, 0..20)) {
            let mut places = spread(&wanted, 10.0, 0.0, 200.0);
            places.sort_by(f64::total_cmp);
            prop_assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 10.0 - 1e-9));
            prop_assert!(places.iter().all(|place| (-1e-9..=200.0 + 1e-9).contains(place)));
        }
    }
}
