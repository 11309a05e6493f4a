//! Numbers as people read them.

/// A number with four significant digits: `0.1234`, `12.34`, `12,340`, `1.234×10⁻⁷`.
pub(crate) fn readable(value: f64) -> String {
    if let Some(word) = not_finite(value) {
        return word.into();
    }
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded == 0.0 {
        return "0".into();
    }
    let exponent = exponent_of(rounded);
    if !(-4..7).contains(&exponent) {
        return scientific(rounded, 3);
    }
    grouped(&trimmed(&format!("{rounded:.*}", usize::try_from(3 - exponent).unwrap_or(0))))
}

/// How many of something.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// What to say of a number that is not finite.
pub(super) fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("not a number"),
        f64::INFINITY => Some("∞"),
        f64::NEG_INFINITY => Some("\u{2212}∞"),
        _ => None,
    }
}

/// `m×10ⁿ` with at most so many decimals, and no `1×` before a power of ten.
pub(super) fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = signed(&trimmed(mantissa));
    let power = power_of_ten(exponent.parse().unwrap_or(0));
    match mantissa.as_str() {
        "0" => "0".into(),
        "1" => power,
        "\u{2212}1" => format!("\u{2212}{power}"),
        _ => format!("{mantissa}×{power}"),
    }
}

/// `10ⁿ`.
pub(super) fn power_of_ten(exponent: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        _ => char::from_u32(0x2070 + c.to_digit(10).unwrap_or(0)).unwrap_or(c),
    };
    std::iter::once("10".to_owned()).chain([exponent.to_string().chars().map(digit).collect()]).collect()
}

/// `10ⁿ`, rounded correctly: `powi` makes zero of the smallest ones.
pub(super) fn ten_to(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(0.0)
}

/// The power of ten of the first digit.
pub(super) fn exponent_of(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// Without zeros at the end of its decimals.
fn trimmed(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text.into() }
}

/// With a true minus sign.
fn signed(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// With commas between thousands, from five digits on, and a true minus sign.
pub(super) fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("\u{2212}", rest));
    let (whole, decimals) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && whole.len() > 4 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(decimals) = decimals {
        out.push('.');
        out += decimals;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_read_them() {
        let cases: [(f64, &str); 14] = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.1235"),
            (-12.3456, "\u{2212}12.35"),
            (1234.56, "1235"),
            (123_456.0, "123,500"),
            (9_999_900.0, "10⁷"),
            (0.000_123_4, "0.0001234"),
            (0.000_012_34, "1.234×10⁻⁵"),
            (-1e300, "\u{2212}10³⁰⁰"),
            (5e-324, "4.941×10⁻³²⁴"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "\u{2212}∞"),
        ];
        for (value, text) in cases {
            assert_eq!(readable(value), text);
        }
    }
}
