//! Generated data: its formulas, and that the seed decides everything.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::{InMemory, generators};

fn points(data: &InMemory) -> Vec<([f64; 2], i64)> {
    let labels = data.labels().unwrap();
    (0..data.len()).map(|row| (data.input(row).unwrap().try_into().unwrap(), labels[row])).collect()
}

#[test]
fn the_seed_decides_everything() {
    for generator in generators::ALL {
        let make = |seed| generators::generate(generator.name, 30, 0.1, seed).unwrap();
        assert_eq!(make(7).features(), make(7).features(), "{}", generator.name);
        assert_ne!(make(7).features(), make(8).features(), "{}", generator.name);
        assert_eq!((make(7).len(), make(7).title()), (30, generator.name));
        assert_eq!(
            make(7).source(),
            format!("generated: {}, 30 examples, noise 0.1, seed 7", generator.name)
        );
    }
}

#[test]
fn a_line_without_noise_is_the_line_it_says() {
    let line = generators::line(50, 0.0, 3).unwrap();
    assert!((1.0..3.0).contains(&line.slope.abs()) && line.intercept.abs() <= 1.0);
    for (row, y) in line.data.values().unwrap().into_iter().enumerate() {
        assert_eq!(y, line.slope * line.data.input(row).unwrap()[0] + line.intercept);
    }
}

#[test]
fn noise_has_the_deviation_asked_for() {
    let line = generators::line(4000, 0.5, 11).unwrap();
    let values = line.data.values().unwrap();
    let error = |row: usize| values[row] - line.slope * line.data.input(row).unwrap()[0] - line.intercept;
    let deviation = ((0..4000).map(|row| error(row).powi(2)).sum::<f64>() / 4000.0).sqrt();
    // Six standard errors: 0.5 / sqrt(2 * 4000) = 0.0056.
    assert!((deviation - 0.5).abs() < 0.034, "{deviation}");
}

#[test]
fn shapes_without_noise_lie_where_their_formulas_say() {
    for (point, class) in points(&generators::moons(100, 0.0, 1).unwrap()) {
        let [x, y] = if class == 0 { point } else { [1.0 - point[0], 0.5 - point[1]] };
        assert!((x.hypot(y) - 1.0).abs() < 1e-12 && y >= 0.0);
    }
    for ([x, y], class) in points(&generators::circles(100, 0.0, 1).unwrap()) {
        assert!((x.hypot(y) - [1.0, 0.5][class as usize]).abs() < 1e-12);
    }
    for ([x, y], class) in points(&generators::xor(100, 0.0, 1).unwrap()) {
        assert_eq!((x * y < 0.0) as i64, class);
        assert!(x.abs() >= 0.05 && y.abs() >= 0.05);
    }
    for ([x, y], class) in points(&generators::spirals(100, 4, 0.0, 1).unwrap()) {
        let radius = x.hypot(y);
        let turn = (y.atan2(x) / std::f64::consts::TAU - 1.25 * radius - class as f64 / 4.0).rem_euclid(1.0);
        assert!(radius < 1e-6 || turn.min(1.0 - turn) < 1e-9, "{turn}");
    }
    let centers = points(&generators::blobs(8, 4, 0.0, 1).unwrap());
    assert!(centers.iter().all(|([x, y], _)| (x.hypot(*y) - 2.0).abs() < 1e-12));
    assert_eq!(centers[0], centers[4], "classes take turns");
}

#[test]
fn arguments_that_make_no_data_are_refused() {
    let message = |name, len, noise| generators::generate(name, len, noise, 0).unwrap_err().to_string();
    assert_eq!(
        message("moon", 10, 0.1),
        "there is no generator 'moon'; did you mean 'moons'; there are line, moons, circles, spirals, blobs, xor"
    );
    assert!(message("moons", 1, 0.1).contains("moons: the number of examples must be at least 2, but is 1"));
    assert!(message("line", 0, 0.1).contains("at least 1"));
    for noise in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(message("xor", 10, noise).contains("the noise must be a number from 0"));
    }
    assert!(generators::spirals(10, 1, 0.0, 0).is_err() && generators::blobs(2, 3, 0.0, 0).is_err());
}
