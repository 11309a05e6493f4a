//! Data sets from formulas: small problems whose answer is known, for tests, lessons and pictures.
//!
//! Each is a function of its arguments and the seed alone. `noise` is the standard deviation of a normal
//! error: of the target for [`line()`], of both coordinates for the others. Where classes take turns (example
//! `i` has the class `i mod classes`), their counts differ by one at most.

use crate::random::Stream;
use crate::{Error, Features, InMemory, InputSchema, Result, Target};
use downhill_tensor::Key;
use downhill_tensor::suggest;
use std::f64::consts::{PI, TAU};

/// A generator that can be asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    /// The name that [`generate`] takes.
    pub name: &'static str,
    /// What it makes, in one line.
    pub description: &'static str,
    make: fn(usize, f64, u64) -> Result<InMemory>,
}

/// All generators.
pub const ALL: &[Generator] = &[
    Generator {
        name: "line",
        description: "points along a straight line: one input, one number",
        make: |len, noise, seed| line(len, noise, seed).map(|line| line.data),
    },
    Generator {
        name: "moons",
        description: "two half circles, each reaching into the other: 2 classes",
        make: moons,
    },
    Generator { name: "circles", description: "a circle around another: 2 classes", make: circles },
    Generator {
        name: "spirals",
        description: "two arms of a spiral: 2 classes",
        make: |len, noise, seed| spirals(len, 2, noise, seed),
    },
    Generator {
        name: "blobs",
        description: "three clouds of points: 3 classes",
        make: |len, noise, seed| blobs(len, 3, noise, seed),
    },
    Generator {
        name: "xor",
        description: "a square whose opposite quarters belong together: 2 classes",
        make: xor,
    },
];

/// The names of the generators.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|generator| generator.name).collect()
}

/// `len` examples of the generator of this name.
///
/// # Errors
/// A name that none of them has, or arguments that the generator does not take.
///
/// ```
/// let moons = downhill_data::generators::generate("moons", 200, 0.1, 42)?;
/// assert_eq!(moons.class_counts(), [100, 100]);
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub fn generate(name: &str, len: usize, noise: f64, seed: u64) -> Result<InMemory> {
    let generator =
        ALL.iter().find(|generator| generator.name == name).ok_or_else(|| Error::UnknownName {
            kind: "generator",
            name: name.to_owned(),
            known: ALL.iter().map(|generator| generator.name.to_owned()).collect(),
            suggestion: suggest::nearest(name, names()),
        })?;
    (generator.make)(len, noise, seed)
}

/// A generated line with the truth about it.
#[derive(Clone, Debug)]
pub struct Line {
    /// The points.
    pub data: InMemory,
    /// The slope of the line before noise.
    pub slope: f64,
    /// Its value at 0 before noise.
    pub intercept: f64,
}

/// `y = slope * x + intercept + noise * n`, with x uniform in [-1, 1), n standard normal, and the slope
/// uniform in [1, 3) up or down, the intercept uniform in [-1, 1), both drawn by the seed.
///
/// # Errors
/// No examples, or a noise that is negative or not finite.
pub fn line(len: usize, noise: f64, seed: u64) -> Result<Line> {
    check("line", len, 1, noise)?;
    let mut stream = Stream::new(Key::new(seed).named("line"));
    let sign = if stream.below(2) == 0 { 1.0 } else { -1.0 };
    let (slope, intercept) = (sign * stream.between(1.0, 3.0), stream.between(-1.0, 1.0));
    let inputs: Vec<f64> = (0..len).map(|_| stream.between(-1.0, 1.0)).collect();
    let values = inputs.iter().map(|x| slope * x + intercept + noise * stream.normal()).collect();
    let target = Target::Values { values, width: 1 };
    let data = InMemory::new(InputSchema::numeric(["x"]), Features::F64(inputs), target, "y")?;
    Ok(Line { data: described(data, "line", len, noise, seed), slope, intercept })
}

/// Two half circles of radius 1 by an angle t uniform in [0, pi): `(cos t, sin t)` for class 0 and
/// `(1 - cos t, 1/2 - sin t)` for class 1, plus noise.
///
/// # Errors
/// Fewer than 2 examples, or a noise that is negative or not finite.
pub fn moons(len: usize, noise: f64, seed: u64) -> Result<InMemory> {
    plane("moons", len, 2, noise, seed, |class, stream| {
        let (sin, cos) = stream.between(0.0, PI).sin_cos();
        if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
    })
}

/// Two circles around 0 by an angle t uniform in [0, 2 pi): `r (cos t, sin t)` with r = 1 for class 0 and
/// r = 1/2 for class 1, plus noise.
///
/// # Errors
/// Fewer than 2 examples, or a noise that is negative or not finite.
pub fn circles(len: usize, noise: f64, seed: u64) -> Result<InMemory> {
    plane("circles", len, 2, noise, seed, |class, stream| {
        let (sin, cos) = stream.between(0.0, TAU).sin_cos();
        let radius = if class == 0 { 1.0 } else { 0.5 };
        [radius * cos, radius * sin]
    })
}

/// `arms` arms of an Archimedean spiral, one class each: with t uniform in [0, 1), the radius t and the angle
/// `2 pi (1.25 t + class / arms)`, plus noise.
///
/// # Errors
/// Fewer than 2 arms, fewer examples than arms, or a noise that is negative or not finite.
pub fn spirals(len: usize, arms: usize, noise: f64, seed: u64) -> Result<InMemory> {
    plane("spirals", len, arms, noise, seed, |class, stream| {
        let radius = stream.uniform();
        let (sin, cos) = (TAU * (1.25 * radius + class as f64 / arms as f64)).sin_cos();
        [radius * cos, radius * sin]
    })
}

/// `centers` normal clouds, one class each, around centers spaced evenly on the circle of radius 2:
/// `2 (cos t, sin t)` with `t = 2 pi class / centers`. The noise is the standard deviation of a cloud.
///
/// # Errors
/// Fewer than 2 centers, fewer examples than centers, or a noise that is negative or not finite.
pub fn blobs(len: usize, centers: usize, noise: f64, seed: u64) -> Result<InMemory> {
    plane("blobs", len, centers, noise, seed, |class, _| {
        let (sin, cos) = (TAU * class as f64 / centers as f64).sin_cos();
        [2.0 * cos, 2.0 * sin]
    })
}

/// Points of the square from -1 to 1 in both coordinates, each at least 0.05 from the axes: class 0 where
/// both have one sign, class 1 where the signs differ. The noise is added after the class was decided.
///
/// # Errors
/// Fewer than 2 examples, or a noise that is negative or not finite.
pub fn xor(len: usize, noise: f64, seed: u64) -> Result<InMemory> {
    plane("xor", len, 2, noise, seed, |class, stream| {
        let sign = if stream.below(2) == 0 { 1.0 } else { -1.0 };
        let (x, y) = (stream.between(0.05, 1.0), stream.between(0.05, 1.0));
        [sign * x, if class == 0 { sign * y } else { -sign * y }]
    })
}

/// Points of the plane whose classes take turns.
fn plane(
    name: &'static str,
    len: usize,
    classes: usize,
    noise: f64,
    seed: u64,
    point: impl Fn(usize, &mut Stream) -> [f64; 2],
) -> Result<InMemory> {
    if classes < 2 {
        return Err(Error::InvalidArgument {
            operation: name,
            argument: "the number of classes",
            expected: "at least 2".into(),
            actual: classes.to_string(),
        });
    }
    check(name, len, classes, noise)?;
    let mut stream = Stream::new(Key::new(seed).named(name));
    let mut inputs = Vec::with_capacity(2 * len);
    let mut labels = Vec::with_capacity(len);
    for index in 0..len {
        let class = index % classes;
        labels.push(class as i64);
        let [x, y] = point(class, &mut stream);
        inputs.extend([x + noise * stream.normal(), y + noise * stream.normal()]);
    }
    let names = (0..classes).map(|class| class.to_string()).collect();
    let target = Target::Classes { labels, names };
    let data = InMemory::new(InputSchema::numeric(["x", "y"]), Features::F64(inputs), target, "class")?;
    Ok(described(data, name, len, noise, seed))
}

fn check(operation: &'static str, len: usize, least: usize, noise: f64) -> Result<()> {
    let invalid = |argument, expected: String, actual| {
        Err(Error::InvalidArgument { operation, argument, expected, actual })
    };
    if len < least {
        return invalid("the number of examples", format!("at least {least}"), len.to_string());
    }
    // Larger noise could overflow single precision.
    if !(0.0..=1e30).contains(&noise) {
        return invalid("the noise", "a number from 0 to 1e30".into(), noise.to_string());
    }
    Ok(())
}

fn described(data: InMemory, name: &str, len: usize, noise: f64, seed: u64) -> InMemory {
    data.with_title(name)
        .with_source(&format!("generated: {name}, {len} examples, noise {noise}, seed {seed}"))
}
