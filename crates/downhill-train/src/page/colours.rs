//! The colours and styles of pictures and pages, for light and dark.
//!
//! The colours of series are those of Okabe and Ito (*Color Universal Design*, 2008), darkened or lightened until text in
//! them can be read on its background. Colour is never alone: series also differ in dashes and marks.

/// The style of pictures, with the colours.
pub(super) const CHART_STYLE: &str = include_str!("chart.css");

/// The style of pages, which goes with that of pictures.
pub(super) const PAGE_STYLE: &str = include_str!("page.css");

/// How many colours a ramp has.
pub(super) const STEPS: usize = 9;

/// The class of a series.
pub(super) fn series(index: usize) -> String {
    format!("s{} k{}", index % 8, index % 4)
}

/// The step of a ramp for a share between 0 and 1.
pub(super) fn step(share: f64) -> usize {
    // Not a number becomes zero.
    (share * (STEPS - 1) as f64).round().clamp(0.0, (STEPS - 1) as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a variable in the light scheme and in the dark one.
    fn variable(name: &str) -> [[f64; 3]; 2] {
        let (light, dark) = CHART_STYLE.split_once("@media").unwrap();
        [light, dark].map(|scheme| {
            let (_, rest) = scheme.split_once(&format!("--{name}:#")).unwrap_or_else(|| panic!("--{name}"));
            [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0)
        })
    }

    /// The contrast of two colours (WCAG 2.2, "contrast ratio").
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| {
            let [r, g, b] =
                colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    fn check(foreground: &str, background: &str, least: f64) {
        let (foregrounds, backgrounds) = (variable(foreground), variable(background));
        for (scheme, (a, b)) in ["light", "dark"].iter().zip(foregrounds.into_iter().zip(backgrounds)) {
            let found = contrast(a, b);
            assert!(found >= least, "{foreground} on {background}, {scheme}: {found:.2}");
        }
    }

    #[test]
    fn text_can_be_read_in_both_schemes() {
        let words = ["ink", "quiet", "link", "good", "notice", "warning", "failure"].map(String::from);
        for colour in words.into_iter().chain((0..8).map(|index| format!("s{index}"))) {
            check(&colour, "surface", 4.5);
            check(&colour, "raised", 4.5);
        }
    }

    #[test]
    fn text_on_a_ramp_can_be_read() {
        for step in 0..STEPS {
            check(if step < DARK_FROM { "ink" } else { "surface" }, &format!("r{step}"), 4.5);
        }
    }

    /// From this step on, `chart.css` writes on a ramp in the colour of the background.
    const DARK_FROM: usize = 6;

    #[test]
    fn the_ramp_is_written_on_as_the_test_above_takes_it() {
        let selectors: Vec<String> = (DARK_FROM..STEPS).map(|step| format!(".chart text.on{step}")).collect();
        assert!(CHART_STYLE.contains(&format!("{}{{fill:var(--surface)", selectors.join(","))));
    }

    #[test]
    fn neighbours_on_a_ramp_differ() {
        for ramp in ["r", "d"] {
            for step in 1..STEPS {
                let (a, b) = (variable(&format!("{ramp}{}", step - 1)), variable(&format!("{ramp}{step}")));
                assert!(a[0] != b[0] && a[1] != b[1]);
            }
        }
    }

    #[test]
    fn a_share_has_a_step() {
        assert_eq!([0.0, 0.5, 1.0, -3.0, 9.0, f64::NAN].map(step), [0, 4, 8, 0, 8, 0]);
    }
}
