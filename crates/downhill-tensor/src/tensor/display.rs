//! Arrays as text: aligned columns, summarised when large.
//!
//! `Display` is for reading: at most four decimals, or scientific notation when numbers are very large or
//! very small. `Debug` is for finding out: element type, shape, and every digit that tells a number from its
//! neighbours.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{DType, Element, Shape};
use std::any::Any;
use std::fmt;

/// Arrays with more elements are summarised.
const LARGEST_IN_FULL: usize = 1000;
/// How many elements a summary shows at each end of an axis.
const EDGE: usize = 3;
/// Lines are broken between elements beyond this many characters.
const LINE: usize = 100;
const DECIMALS: usize = 4;

impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_array(f, self, readable)
    }
}

impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let break_or_space = if self.rank() > 1 { '\n' } else { ' ' };
        write!(f, "Tensor<{}>{}:{break_or_space}", T::DTYPE, self.shape())?;
        write_array(f, self, |elements| elements.iter().map(|x| format!("{x:?}")).collect())
    }
}

fn write_array<T: Element>(
    f: &mut fmt::Formatter<'_>,
    tensor: &Tensor<T>,
    texts: impl Fn(&[T]) -> Vec<String>,
) -> fmt::Result {
    let shape = tensor.shape();
    if shape.rank() == 0 {
        return match tensor.iter().next() {
            Some(x) if T::DTYPE == DType::F32 || T::DTYPE == DType::F64 => write!(f, "{x:?}"),
            Some(x) => write!(f, "{x}"),
            None => Ok(()),
        };
    }
    if shape.size() == 0 {
        return f.write_str("[]");
    }
    let summarise = shape.size() > LARGEST_IN_FULL;
    let mut shown = Vec::new();
    visit(shape, summarise, &mut |index| shown.extend(tensor.get(index)));
    let mut texts = texts(&shown);
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    texts.iter_mut().for_each(|text| *text = format!("{text:>width$}"));
    let rank = shape.rank();
    Writer { shape, rank, summarise, texts: texts.into_iter(), width }.axis(f, 0)
}

/// The positions of an axis that are shown; `None` stands for those left out.
fn shown_positions(length: usize, summarise: bool) -> Vec<Option<usize>> {
    if summarise && length > 2 * EDGE + 1 {
        let tail = (length - EDGE..length).map(Some);
        (0..EDGE).map(Some).chain([None]).chain(tail).collect()
    } else {
        (0..length).map(Some).collect()
    }
}

fn visit(shape: Shape, summarise: bool, f: &mut impl FnMut(&[usize])) {
    fn inner(shape: Shape, summarise: bool, index: &mut Vec<usize>, f: &mut (impl FnMut(&[usize]) + ?Sized)) {
        if index.len() == shape.rank() {
            return f(index);
        }
        for position in shown_positions(shape[index.len()], summarise).into_iter().flatten() {
            index.push(position);
            inner(shape, summarise, index, f);
            index.pop();
        }
    }
    inner(shape, summarise, &mut Vec::new(), f);
}

struct Writer {
    shape: Shape,
    rank: usize,
    summarise: bool,
    texts: std::vec::IntoIter<String>,
    width: usize,
}

impl Writer {
    fn axis(&mut self, f: &mut fmt::Formatter<'_>, axis: usize) -> fmt::Result {
        f.write_str("[")?;
        let positions = shown_positions(self.shape[axis], self.summarise);
        if axis + 1 == self.rank {
            self.line(f, &positions)?;
        } else {
            for (i, position) in positions.iter().enumerate() {
                if i > 0 {
                    // One line break between rows, one more for each further level, as NumPy does.
                    write!(f, ",{}{:indent$}", "\n".repeat(self.rank - 1 - axis), "", indent = axis + 1)?;
                }
                match position {
                    Some(_) => self.axis(f, axis + 1)?,
                    None => f.write_str("…")?,
                }
            }
        }
        f.write_str("]")
    }

    fn line(&mut self, f: &mut fmt::Formatter<'_>, positions: &[Option<usize>]) -> fmt::Result {
        let mut column = self.rank;
        for (i, position) in positions.iter().enumerate() {
            let text = match position {
                Some(_) => self.texts.next().unwrap_or_default(),
                None => "…".to_string(),
            };
            if i > 0 {
                f.write_str(",")?;
                if column + self.width + 3 > LINE {
                    write!(f, "\n{:indent$}", "", indent = self.rank)?;
                    column = self.rank;
                } else {
                    f.write_str(" ")?;
                    column += 2;
                }
            }
            column += text.chars().count();
            f.write_str(&text)?;
        }
        Ok(())
    }
}

/// Floating-point numbers with a common number of decimals or a common notation; others as they are.
fn readable<T: Element>(elements: &[T]) -> Vec<String> {
    let Some(numbers) = elements.iter().map(|&x| as_f64(x)).collect::<Option<Vec<f64>>>() else {
        return elements.iter().map(ToString::to_string).collect();
    };
    let magnitudes = || numbers.iter().map(|x| x.abs()).filter(|x| x.is_finite() && *x > 0.0);
    let scientific = magnitudes().any(|x| !(1e-3..1e7).contains(&x));
    let fixed = |x: f64, decimals: usize| match scientific && x.is_finite() {
        true => format!("{x:.decimals$e}"),
        false => format!("{x:.decimals$}"),
    };
    // As many decimals as the number that needs most, after rounding.
    let needed = |x: f64| {
        let text = fixed(x, DECIMALS);
        let mantissa = text.split('e').next().unwrap_or_default();
        let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
        fraction.trim_end_matches('0').len()
    };
    let decimals = numbers.iter().filter(|x| x.is_finite()).map(|&x| needed(x)).max().unwrap_or(0).max(1);
    numbers.iter().map(|&x| fixed(x, decimals)).collect()
}

fn as_f64<T: Element>(x: T) -> Option<f64> {
    let any: &dyn Any = &x;
    any.downcast_ref::<f64>().copied().or_else(|| any.downcast_ref::<f32>().map(|&x| f64::from(x)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_aligned_at_the_decimal_point() {
        let x = Tensor::from([[1.0f32, -20.25, 0.1], [f32::NAN, f32::INFINITY, 3.0]]);
        assert_eq!(x.to_string(), "[[  1.00, -20.25,   0.10],\n [   NaN,    inf,   3.00]]");
        assert_eq!(
            format!("{x:?}"),
            "Tensor<f32>[2, 3]:\n[[   1.0, -20.25,    0.1],\n [   NaN,    inf,    3.0]]"
        );
    }

    #[test]
    fn very_small_and_very_large_numbers_are_scientific() {
        let x = Tensor::from([1e-9, 1.5, 123_456_789_012.0]);
        assert_eq!(x.to_string(), "[1.0000e-9,  1.5000e0, 1.2346e11]");
    }

    #[test]
    fn scalars_empty_arrays_and_other_kinds_have_their_text() {
        assert_eq!(Tensor::scalar(0.1f32).to_string(), "0.1");
        assert_eq!(format!("{:?}", Tensor::scalar(3i64)), "Tensor<i64>[]: 3");
        assert_eq!(format!("{:?}", Tensor::<u8>::zeros([2, 0])), "Tensor<u8>[2, 0]:\n[]");
        assert_eq!(Tensor::from([true, false]).to_string(), "[ true, false]");
    }

    #[test]
    fn blocks_are_separated_by_a_blank_line() {
        let x = Tensor::from([[[1i64, 2]], [[3, 40]]]);
        assert_eq!(x.to_string(), "[[[ 1,  2]],\n\n [[ 3, 40]]]");
    }

    #[test]
    fn large_arrays_are_summarised_at_every_axis() {
        let x = Tensor::<i64>::arange(0, 1001, 1).unwrap();
        assert_eq!(x.to_string(), "[   0,    1,    2, …,  998,  999, 1000]");
        let square = Tensor::from_fn([100, 100], |index| (index[0] * 100 + index[1]) as i64);
        let text = square.to_string();
        assert_eq!(text.lines().count(), 7);
        assert!(text.lines().nth(3).is_some_and(|line| line == " …,"), "{text}");
        assert!(text.ends_with("9997, 9998, 9999]]"), "{text}");
    }

    #[test]
    fn long_rows_are_broken_between_numbers() {
        let text = Tensor::<i64>::arange(0, 1000, 1).unwrap().to_string();
        assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
        assert_eq!(text.matches(',').count(), 999);
    }
}
