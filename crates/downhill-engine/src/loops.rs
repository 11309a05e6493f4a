//! Elementwise loops: what they read, the functions they apply, what they store and sum.
//!
//! A loop goes over its elements in tiles that stay in the nearest cache. For each tile it applies one function
//! after the other; between them the tile's numbers lie in registers, stretches of scratch space of a tile's
//! length. What is the same for all elements (a constant, a rate) is computed once, as one number.

use crate::fusion::Sum;
use crate::small::Small;
use crate::step::Operand;
use downhill_tensor::kernels::scalar::{Binary, Unary};
use downhill_tensor::{Layout, MAX_RANK};

/// Elements of a tile, at most.
pub(crate) const TILE: usize = 512;
/// The elements from which on a run is worth a tile.
const LONG_RUN: usize = 128;

/// What a function of a loop reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Argument {
    /// What is loaded under this number.
    Load(usize),
    /// The result of the function of this number.
    Result(usize),
}

/// A function that is applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Function {
    Unary(Unary, Argument),
    Binary(Binary, Argument, Argument),
    Select(Argument, Argument, Argument),
}

impl Function {
    fn arguments(&self) -> impl Iterator<Item = Argument> {
        let list = match *self {
            Function::Unary(_, a) => [Some(a), None, None],
            Function::Binary(_, a, b) => [Some(a), Some(b), None],
            Function::Select(c, a, b) => [Some(c), Some(a), Some(b)],
        };
        list.into_iter().flatten()
    }

    /// The time of an element, in that of an addition.
    pub fn cost(&self) -> f64 {
        match self {
            Function::Unary(
                Unary::Exp
                | Unary::Expm1
                | Unary::Log
                | Unary::Log1p
                | Unary::Tanh
                | Unary::Sigmoid
                | Unary::Erf
                | Unary::Gelu
                | Unary::GeluSlope
                | Unary::Softplus,
                _,
            ) => 8.0,
            Function::Unary(
                Unary::Sin
                | Unary::Cos
                | Unary::Tan
                | Unary::Asin
                | Unary::Acos
                | Unary::Atan
                | Unary::Sinh
                | Unary::Cosh
                | Unary::Asinh
                | Unary::Acosh
                | Unary::Atanh
                | Unary::Erfc
                | Unary::Lgamma
                | Unary::Digamma,
                _,
            )
            | Function::Binary(Binary::Pow | Binary::Atan2, ..) => 80.0,
            _ => 1.0,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Function::Unary(f, _) => f.name(),
            Function::Binary(f, ..) => f.name(),
            Function::Select(..) => "select",
        }
    }
}

/// How an operand's elements are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// One number for all elements, at this position.
    Same(usize),
    /// One after the other, from this position on.
    Direct(usize),
    /// By strides over the loop's axes, into a register.
    Strided { offset: isize, strides: [isize; MAX_RANK], register: usize, periodic: bool },
}

/// Where the result of a function is while its tile is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// It is one number.
    Scalar,
    /// In a register.
    Register(usize),
    /// In the output of this number.
    Output(usize),
}

/// A loop over elements.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    /// The axes, outermost first, merged as far as all operands allow.
    pub dims: Vec<usize>,
    pub loads: Vec<Load>,
    pub functions: Vec<Function>,
    pub places: Vec<Place>,
    /// What is copied to which output when a tile is finished: results in registers, numbers, and loads.
    pub stores: Vec<(Argument, usize)>,
    /// What is summed how, into which output.
    pub sums: Vec<(Argument, Sum, usize)>,
    /// Registers that are needed.
    pub registers: usize,
    /// Elements of a tile.
    pub tile: usize,
    /// The elements that stay together when the loop is cut.
    pub row: usize,
    /// The way of a loop of a few elements.
    pub small: Option<Small>,
    /// The neighbours that repeat or are added up together: a tile holds some whole runs, or is part of one.
    pub run: usize,
}

impl Loop {
    /// A loop over `len` elements whose operands are read through layouts of one shape.
    ///
    /// `stores` says which arguments go to which outputs, `sums` what is summed; `shared` which outputs lie where
    /// an operand lies.
    pub fn new(
        operands: &[Operand],
        len: usize,
        functions: Vec<Function>,
        stores: &[(Argument, usize)],
        sums: Vec<(Argument, Sum, usize)>,
        shared: &[bool],
    ) -> Self {
        let layouts: Vec<&Layout> = operands.iter().map(|operand| &operand.layout).collect();
        let (dims, strides) = merge(&layouts, len);
        let rows = sums.iter().find_map(|&(_, sum, _)| sum.rows());
        let (row, run) = rows.unwrap_or((1, dims.last().copied().unwrap_or(1).max(1)));
        // Tiles of whole runs, so that a row that is repeated is laid out once; of one, if it is long and has one
        // number of some operand.
        let numbers = strides.split_last().is_some_and(|(inner, outer)| {
            let varies = |number: usize| outer.iter().any(|strides| strides[number] != 0);
            (0..inner.len()).any(|number| inner[number] == 0 && varies(number))
        });
        let tile = match run {
            LONG_RUN..=TILE if numbers => run,
            ..=TILE => TILE / run * run,
            _ => TILE,
        };
        let mut registers = 0;
        let loads: Vec<Load> = layouts
            .iter()
            .enumerate()
            .map(|(number, layout)| {
                let offset = layout.offset();
                let strides: Vec<isize> = strides.iter().map(|axis| axis[number]).collect();
                let contiguous = strides.len() == 1 && strides[0] == 1;
                if strides.iter().all(|&stride| stride == 0) {
                    Load::Same(offset)
                } else if contiguous {
                    Load::Direct(offset)
                } else {
                    let (_, outer) = strides.split_last().unwrap_or((&0, &[]));
                    let period = dims.last().copied().unwrap_or(1);
                    let repeats = outer.iter().all(|&stride| stride == 0) && !outer.is_empty();
                    let periodic = repeats && tile > period && tile.is_multiple_of(period);
                    let mut all = [0; MAX_RANK];
                    all[..strides.len()].copy_from_slice(&strides);
                    registers += 1;
                    let offset = offset as isize;
                    Load::Strided { offset, strides: all, register: registers - 1, periodic }
                }
            })
            .collect();
        let mut this = Loop {
            dims,
            loads,
            places: Vec::new(),
            stores: Vec::new(),
            registers,
            functions,
            sums,
            tile,
            row,
            small: None,
            run,
        };
        this.allocate(stores, shared);
        this.small = Small::of(&this, len);
        this
    }

    /// Decides where each result is: a number, an output, or a register that is free by then.
    fn allocate(&mut self, stores: &[(Argument, usize)], shared: &[bool]) {
        let mut last_use: Vec<usize> = (0..self.functions.len()).collect();
        for (number, function) in self.functions.iter().enumerate() {
            for argument in function.arguments() {
                if let Argument::Result(result) = argument {
                    last_use[result] = number;
                }
            }
        }
        let to_the_end = self.sums.iter().map(|&(argument, ..)| argument);
        for argument in to_the_end.chain(stores.iter().map(|&(argument, _)| argument)) {
            if let Argument::Result(result) = argument {
                last_use[result] = usize::MAX;
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for number in 0..self.functions.len() {
            let function = self.functions[number];
            let direct = stores
                .iter()
                .find(|&&(argument, output)| argument == Argument::Result(number) && !shared[output]);
            let place = if function.arguments().all(|argument| self.is_scalar(argument)) {
                Place::Scalar
            } else if let Some(&(_, output)) = direct {
                Place::Output(output)
            } else {
                Place::Register(free.pop().unwrap_or_else(|| {
                    self.registers += 1;
                    self.registers - 1
                }))
            };
            self.places.push(place);
            // The registers of what is read here for the last time; not before the result has its own.
            for (place, &last) in self.places.iter().zip(&last_use) {
                if let (&Place::Register(register), true) = (place, last == number) {
                    free.push(register);
                }
            }
        }
        for &(argument, output) in stores {
            let in_place = match argument {
                Argument::Result(result) => self.places[result] == Place::Output(output),
                Argument::Load(_) => false,
            };
            if !in_place {
                self.stores.push((argument, output));
            }
        }
    }

    pub fn is_scalar(&self, argument: Argument) -> bool {
        match argument {
            Argument::Load(load) => matches!(self.loads[load], Load::Same(_)),
            Argument::Result(result) => self.places[result] == Place::Scalar,
        }
    }

    /// Elements of scratch space.
    pub fn scratch(&self) -> usize {
        let small = self.small.as_ref().map_or(0, |small| small.scratch(self.functions.len()));
        small.max(self.registers * self.tile)
    }

    /// Whether an output is a sum of elements that different parts of the loop compute.
    pub fn sums_across(&self, output: usize) -> bool {
        self.sums.iter().any(|&(_, sum, out)| out == output && !matches!(sum, Sum::Rows(_)))
    }
}

/// The axes of layouts of one shape, merged where all of them allow it, with every layout's stride along each.
fn merge(layouts: &[&Layout], len: usize) -> (Vec<usize>, Vec<Vec<isize>>) {
    let Some(first) = layouts.first() else { return (vec![len], vec![Vec::new()]) };
    let shape = first.shape();
    let (mut dims, mut strides): (Vec<usize>, Vec<Vec<isize>>) = (Vec::new(), Vec::new());
    for axis in (0..shape.rank()).filter(|&axis| shape[axis] != 1) {
        let own: Vec<isize> = layouts.iter().map(|layout| layout.strides()[axis]).collect();
        let dim = shape[axis];
        if let (Some(last_dim), Some(last)) = (dims.last_mut(), strides.last_mut())
            && last.iter().zip(&own).all(|(&outer, &inner)| outer == inner * dim as isize)
        {
            *last_dim *= dim;
            *last = own;
        } else {
            dims.push(dim);
            strides.push(own);
        }
    }
    if dims.is_empty() {
        return (vec![len], vec![vec![0; layouts.len()]]);
    }
    (dims, strides)
}
