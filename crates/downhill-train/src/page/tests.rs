//! What holds for every chart and every page, whatever the numbers.

use super::*;
use crate::diagnosis::{Severity, Verdict};
use proptest::prelude::*;

/// The tags of markup, each with its attributes. Fails where they are not balanced, an attribute is not quoted, or a
/// character stands there that must be escaped.
fn elements(markup: &str) -> Vec<(String, Vec<(String, String)>)> {
    const ALONE: [&str; 2] = ["meta", "br"];
    let (mut found, mut open, mut rest) = (Vec::new(), Vec::new(), markup);
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a stray '>' in {:?}", &rest[..start]);
        rest = &rest[start + 1..];
        if let Some(declaration) = rest.strip_prefix("!DOCTYPE html>") {
            rest = declaration;
            continue;
        }
        if let Some(closing) = rest.strip_prefix('/') {
            let end = closing.find('>').unwrap();
            assert_eq!(open.pop().as_deref(), Some(&closing[..end]), "before {closing:.80}");
            rest = &closing[end + 1..];
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "a stray '<' before {rest:.80}");
        rest = &rest[name.len()..];
        let mut attributes = Vec::new();
        let empty = loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("/>") {
                rest = after;
                break true;
            }
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break false;
            }
            let (key, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("no attribute: {rest:.80}"));
            let (value, after) = value.split_once('"').unwrap();
            assert!(!value.contains(['<', '>']), "{key} is {value}");
            assert!(!attributes.iter().any(|(known, _)| known == key), "{key} twice");
            attributes.push((key.to_owned(), value.to_owned()));
            rest = after;
        };
        if name == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
        if !empty && !ALONE.contains(&name.as_str()) {
            open.push(name.clone());
        }
        found.push((name, attributes));
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    for reference in markup.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| reference.starts_with(known));
        assert!(known || markup.contains("<style>"), "a stray '&' before {reference:.20}");
    }
    found
}

fn attribute<'a>(attributes: &'a [(String, String)], key: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// All numbers of a text.
fn numbers(text: &str) -> Vec<f64> {
    let parts = text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == 'e'));
    parts.filter(|part| !part.is_empty()).filter_map(|part| part.parse().ok()).collect()
}

/// A drawing is well-formed, and everything in it lies within it.
fn check(chart: &dyn Chart) {
    for width in [360.0, 600.0] {
        let drawing = chart.draw(width);
        let (wide, high) = (drawing.width, drawing.height);
        assert!(wide.is_finite() && high.is_finite() && wide >= width && high > 0.0);
        for (name, attributes) in elements(&drawing.body) {
            for (key, value) in &attributes {
                let words = ["NaN", "inf", "undefined"];
                let aside = ["class", "text-anchor"].contains(&key.as_str());
                assert!(aside || !words.iter().any(|word| value.contains(word)), "{key}=\"{value}\"");
            }
            let at = |key: &str| attribute(&attributes, key).and_then(|value| value.parse::<f64>().ok());
            if let (Some(x), Some(y)) = (at("x").or(at("cx")), at("y").or(at("cy"))) {
                assert!((-6.0..=wide + 6.0).contains(&x), "{name} at {x} of {wide}");
                assert!((-6.0..=high + 6.0).contains(&y), "{name} at {y} of {high}");
            }
        }
    }
    let svg = chart.svg();
    let elements = elements(&svg);
    assert_eq!(attribute(&elements[0].1, "role"), Some("img"));
    assert!(
        elements.iter().any(|(name, _)| name == "title") && elements.iter().any(|(name, _)| name == "desc")
    );
    assert_eq!(svg, chart.svg(), "equal input gives equal text");
    assert_eq!(chart.csv().lines().count(), chart.numbers().rows.len() + 1);
}

/// A page is well-formed, its ids are unique, and nothing in it is loaded.
fn check_page(page: &Page) -> String {
    let html = page.to_string();
    let mut ids = std::collections::BTreeSet::new();
    for (name, attributes) in elements(&html) {
        assert!(!["script", "link", "iframe", "object"].contains(&name.as_str()), "{name}");
        if let Some(id) = attribute(&attributes, "id") {
            assert!(ids.insert(id.to_owned()), "two of the id {id}");
        }
        if name == "img" {
            assert!(attribute(&attributes, "src").is_some_and(|source| source.starts_with("data:image/png")));
            assert!(attribute(&attributes, "alt").is_some());
        }
        if let Some(address) = attribute(&attributes, "href") {
            assert!(address.starts_with('#') || address.starts_with("data:text/csv"), "{address:.40}");
        }
        if attribute(&attributes, "class")
            .is_some_and(|class| class.contains("scroll") || class.contains("large"))
        {
            assert_eq!(attribute(&attributes, "tabindex"), Some("0"));
            assert_eq!(attribute(&attributes, "role"), Some("region"));
            assert!(attribute(&attributes, "aria-label").is_some_and(|label| label.len() > 7));
        }
    }
    for word in ["url(", "@import", "http:", "https:"] {
        assert!(!html.contains(word), "{word}");
    }
    html
}

const NAME: &str = "</svg><b a='1' c=\"2\">&amp; \u{0}";

fn charts(points: &[[f64; 2]], logarithmic: [bool; 2], columns: usize) -> Vec<Box<dyn Chart>> {
    let axis = |which: usize| match logarithmic[which] {
        true => Axis::logarithmic(NAME),
        false => Axis::linear(NAME).unit("<s>"),
    };
    let series = |name: &str| Series::new(name, points.iter().copied());
    let band = points.iter().map(|point| [point[1], point[0]]);
    let values: Vec<f64> = points.iter().flatten().copied().collect();
    let ends = points.first().copied().unwrap_or([0.0, 1.0]);
    let grid = Grid { x: ends, y: [ends[1], ends[0]], columns, values: values.clone() };
    let mut bars = BarChart::new(NAME, axis(1));
    for point in points {
        bars = bars.bar(Bar::new(NAME, point[0]).band(point[1], point[0]));
    }
    let names = vec![NAME.to_owned(); columns];
    let counts = values.iter().map(|value| *value as u64);
    let lines = LineChart::new(NAME, axis(0), axis(1)).describe(NAME);
    let scatter = Scatter::new(NAME, axis(0), axis(1)).group(series("a")).group(series(NAME));
    let level = points.last().map_or(0.0, |point| point[1]);
    let contours = ContourChart::new(NAME, axis(0), axis(1), NAME, grid);
    let path = series(NAME);
    vec![
        Box::new(lines.clone().series(series(NAME)).series(series("b").band(band)).level(NAME, level)),
        Box::new(lines.series(series("alone")).event(NAME, level).event("then", level)),
        Box::new(bars),
        Box::new(scatter.clone().level(level)),
        Box::new(scatter.diagonal()),
        Box::new(Matrix::new(NAME, &names, counts).axes(NAME, NAME)),
        Box::new(contours.clone().path(path.clone()).mark(NAME, ends).levels(Levels::Logarithmic(8))),
        Box::new(contours.group(path).ramp(Ramp::Diverging).levels(Levels::At(values))),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -10.0..10.0,
        1e-3..1e3,
        Just(0.0),
        Just(1.0),
        Just(5e-324),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_chart_of_any_numbers_is_well_formed_and_within_its_frame(
        points in prop::collection::vec([number(), number()], 0..14),
        logarithmic: [bool; 2],
        columns in 0usize..7,
    ) {
        let mut section = Section::new(NAME);
        for chart in charts(&points, logarithmic, columns) {
            check(&*chart);
            section = section.figure(Figure::of(&*chart));
        }
        check_page(&Page::new(NAME, NAME).section(section));
    }
}

#[test]
fn a_curve_lies_where_its_numbers_say() {
    let chart = LineChart::new("", Axis::linear("x").range(0.0, 10.0), Axis::linear("y").range(0.0, 2.0))
        .series(Series::new("", (0..=20).map(|i| [f64::from(i) / 2.0, f64::from(i) / 10.0])));
    let body = chart.draw(600.0).body;
    let elements = elements(&body);
    let axis = elements.iter().find(|(_, of)| attribute(of, "class") == Some("axis")).unwrap();
    let [left, bottom, right, _] = numbers(&attribute(&axis.1, "d").unwrap().replace(['M', 'L'], " "))[..]
    else {
        panic!()
    };
    let line = elements.iter().find(|(_, of)| attribute(of, "class") == Some("line")).unwrap();
    let places = numbers(&attribute(&line.1, "d").unwrap().replace('M', " "));
    assert_eq!(places.len(), 42);
    let (first, last) = (&places[..2], &places[40..]);
    assert_eq!((first, last[0]), (&[left, bottom][..], right));
    // A straight line: the middle lies in the middle.
    assert!((places[20] - f64::midpoint(left, right)).abs() < 0.11);
    assert!((places[21] - f64::midpoint(first[1], last[1])).abs() < 0.11);
}

#[test]
fn gaps_are_gaps_and_said() {
    let points = [[1.0, 1.0], [2.0, 2.0], [3.0, f64::NAN], [4.0, 1.0], [5.0, 2.0], [6.0, -1.0], [7.0, 3.0]];
    let chart =
        LineChart::new("", Axis::linear("x"), Axis::logarithmic("y")).series(Series::new("a", points));
    let body = chart.draw(600.0).body;
    let elements = elements(&body);
    let line = elements.iter().find(|(_, of)| attribute(of, "class") == Some("line")).unwrap();
    assert_eq!(attribute(&line.1, "d").unwrap().matches('M').count(), 2);
    assert_eq!(
        chart.remarks(),
        [
            "1 of 7 points of a is not finite numbers: left out.",
            "1 of 7 points of a is zero or less, which a logarithmic axis cannot show: left out."
        ]
    );
}

#[test]
fn a_long_series_is_thinned_in_the_table_but_not_in_the_file() {
    let chart = LineChart::new("t", Axis::linear("step"), Axis::linear("loss"))
        .series(Series::counted("a", (0..1000).map(|step| 1.0 / f64::from(step + 1))));
    let figure = Figure::of(&chart).to_string();
    assert_eq!(chart.csv().lines().count(), 1001);
    assert!(figure.contains("Every 42nd of 1000 rows, and the last."), "{figure}");
    assert!(figure.contains("<th scope=\"row\" class=\"number\">1000</th><td class=\"number\">0.001</td>"));
    assert!(figure.contains("download=\"numbers.csv\" href=\"data:text/csv"));
}

#[test]
fn a_page_holds_all_that_was_put_into_it_and_no_more() {
    let verdict = |severity, name: &str| Verdict {
        name: name.into(),
        severity,
        place: Some("<0>/weight".into()),
        finding: "Found & measured.".into(),
        number: 3.0,
        threshold: 2.0,
        formula: "η λmax".into(),
        source: "a theorem".into(),
        advice: "Try less.".into(),
    };
    let page = Page::new("A run", "It went well.")
        .section(
            Section::new("One").paragraph("a < b").facts([("seed", "0")]).code("downhill train 'a b.csv'"),
        )
        .section(Section::new("Two").table(Table::new("t", ["a", "b"]).row(["x", "y"])))
        .section(
            Section::new("Three")
                .verdicts(&[verdict(Severity::Notice, "n"), verdict(Severity::Failure, "f")]),
        );
    let html = check_page(&page);
    for part in [
        "<html lang=\"en\">",
        "<title>A run</title>",
        "<h1>A run</h1>",
        "<p class=\"lead\">It went well.</p>",
        "<a href=\"#section-2\">Two</a>",
        "<h2 id=\"section-2\">Two</h2>",
        "<p>a &lt; b</p>",
        "<dt>seed</dt><dd>0</dd>",
        "downhill train &#39;a b.csv&#39;",
        "failure: f in &lt;0&gt;/weight",
        "η λmax = 3, held against 2. A theorem",
        "@media print",
        "prefers-color-scheme:dark",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(html.find("failure: f") < html.find("notice: n"), "the worst stands first");
    assert_eq!(html, page.clone().to_string());
}

#[test]
fn lines_with_the_same_places_share_a_table_and_others_do_not() {
    let chart = LineChart::new("t", Axis::linear("epoch"), Axis::linear("loss"));
    let shared = chart
        .clone()
        .series(Series::new("training", [[1.0, 3.0], [2.0, 2.0]]))
        .series(Series::new("validation", [[2.0, 2.5]]));
    assert_eq!(shared.summary().csv(), "epoch,training,validation\n1,3,\n2,2,2.5\n");
    assert_eq!(shared.csv(), "series,epoch,loss\ntraining,1,3\ntraining,2,2\nvalidation,2,2.5\n");
    let other = chart.series(Series::new("a", [[1.0, 3.0], [1.0, 2.0]]));
    assert_eq!(other.summary().csv(), other.csv());
}

#[test]
fn the_numbers_of_a_surface_are_where_they_belong() {
    let grid = Grid::of([0.0, 2.0], [10.0, 20.0], [3, 2], |x, y| x + y);
    assert_eq!(grid.values, [10.0, 11.0, 12.0, 20.0, 21.0, 22.0]);
    let chart = ContourChart::new("t", Axis::linear("x"), Axis::linear("y"), "f", grid);
    let csv = chart.csv();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!((rows[0], rows[1], rows[6]), ("what,x,y,f", "grid,0,10,10", "grid,2,20,22"));
    assert_eq!(chart.summary().csv(), "y \\ x,0,1,2\n20,20,21,22\n10,10,11,12\n");
}
