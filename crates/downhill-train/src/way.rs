//! The ways from a batch to moved parameters, of which a training step takes the shortest that its optimizer
//! allows.

use crate::aligned::Aligned;
use crate::step::move_parameters;
use crate::{Error, Result, StepOptions};
use downhill_autograd::{Data, DataMut, Program, Run, Type};
use downhill_engine::{Engine, EnginePrecision, Plan};
use downhill_nn::{Layer, LossFunction, Network, RowsProgram};
use downhill_optim::{Optimizer, Rows, clip_global_norm, clip_value};
use downhill_tensor::Key;

/// The most tables of which a step is given rows; results have their places on the stack.
const MAX_TABLES: usize = 8;

/// What a step is made on.
pub(crate) struct Batch<'a, T> {
    pub input: Data<'a, T>,
    pub target: Data<'a, T>,
}

/// What a step changes, and by what.
pub(crate) struct Moving<'a, T> {
    pub parameters: &'a mut [T],
    pub state: &'a mut Vec<T>,
    pub output: &'a mut [T],
    pub optimizer: &'a mut Optimizer<T>,
    pub factor: f64,
    pub engine: &'a Engine,
}

/// How the parameters move.
pub(crate) enum Way<T> {
    /// The program itself moves them.
    InPlace { plan: Plan<T> },
    /// The program gives the whole gradient, and the optimizer moves them.
    Gradient {
        plan: Plan<T>,
        gradient: Aligned<T>,
        next_state: Vec<T>,
        clip_value: Option<f64>,
        clip_norm: Option<f64>,
    },
    /// The program gives the gradient of some parameters as rows, and the optimizer moves these alone.
    Rows { plan: Plan<T>, gradient: Aligned<T>, next_state: Vec<T>, tables: Vec<Table<T>> },
}

/// A parameter of which a step sees rows, with the places for them.
pub(crate) struct Table<T> {
    offset: usize,
    count: usize,
    width: usize,
    indices: Vec<i64>,
    values: Vec<T>,
}

impl<T: EnginePrecision> Way<T> {
    /// The bytes of the gradient that it holds.
    pub fn gradient_bytes(&self) -> usize {
        match self {
            Way::InPlace { .. } => 0,
            Way::Gradient { gradient, .. } => size_of_val(&gradient[..]),
            Way::Rows { gradient, tables, .. } => {
                let table =
                    |table: &Table<T>| size_of_val(&table.indices[..]) + size_of_val(&table.values[..]);
                size_of_val(&gradient[..]) + tables.iter().map(table).sum::<usize>()
            }
        }
    }

    pub fn plan(&self) -> &Plan<T> {
        match self {
            Way::InPlace { plan } | Way::Gradient { plan, .. } | Way::Rows { plan, .. } => plan,
        }
    }

    pub fn plan_mut(&mut self) -> &mut Plan<T> {
        match self {
            Way::InPlace { plan } | Way::Gradient { plan, .. } | Way::Rows { plan, .. } => plan,
        }
    }

    /// Compiles the shortest way; also gives the length of the network's output.
    #[allow(clippy::too_many_arguments, reason = "it is the one caller's own list")]
    pub fn compile<L: Layer>(
        network: &Network<L>,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
        options: &StepOptions,
        optimizer: &Optimizer<T>,
        engine: &Engine,
    ) -> Result<(Self, usize)> {
        let compile = |program: &Program| {
            engine.compile(program).map_err(Error::execution("compiling the training step"))
        };
        let output =
            |program: &Program| program.output("output").map_or(0, |port| program.outputs()[port].len());
        if options.is_plain_descent() {
            let program = network.sgd_program(input, target, loss)?;
            return Ok((Way::InPlace { plan: compile(&program)? }, output(&program)));
        }
        let layout = network.layout();
        let next_state = network.initial_state();
        if options.steps_on_rows(optimizer) && layout.entries().iter().any(|entry| entry.sparse) {
            let RowsProgram { program, sparse } = network.rows_program(input, target, loss)?;
            if (1..=MAX_TABLES).contains(&sparse.len()) {
                let table = |parameter: &downhill_nn::SparseParameter| {
                    let entry = &layout.entries()[parameter.entry];
                    let width = entry.shape[1..].iter().product();
                    let indices = vec![0; parameter.rows];
                    let values = vec![T::ZERO; parameter.rows * width];
                    Table { offset: entry.offset, count: entry.shape[0], width, indices, values }
                };
                let tables: Vec<_> = sparse.iter().map(table).collect();
                let given: usize = tables.iter().map(|table| table.count * table.width).sum();
                let gradient = Aligned::new(T::ZERO, layout.len() - given);
                let way = Way::Rows { plan: compile(&program)?, gradient, next_state, tables };
                return Ok((way, output(&program)));
            }
        }
        let program = network.training_program(input, target, loss)?;
        let way = Way::Gradient {
            plan: compile(&program)?,
            gradient: Aligned::new(T::ZERO, layout.len()),
            next_state,
            clip_value: options.clip_value,
            clip_norm: options.clip_norm,
        };
        Ok((way, output(&program)))
    }

    /// Makes a step and returns the loss before it. After an error nothing has moved.
    pub fn step(&mut self, batch: Batch<'_, T>, moving: Moving<'_, T>, key: Key) -> Result<T> {
        let Batch { input, target } = batch;
        let Moving { parameters, state, output, optimizer, factor, engine } = moving;
        let failed = Error::execution("training");
        let mut loss = [T::ZERO];
        match self {
            Way::InPlace { plan } => {
                let rate = [T::from_f64(optimizer.learning_rate() * factor)];
                let inputs = [Data::InPlace, Data::InPlace, input, target, Data::Float(&rate)];
                let mut outputs = [
                    DataMut::Float(&mut loss),
                    DataMut::Float(parameters),
                    DataMut::Float(state),
                    DataMut::Float(output),
                ];
                plan.run(&inputs, &mut outputs, key).map_err(failed)?;
            }
            Way::Gradient { plan, gradient, next_state, clip_value: value, clip_norm: norm } => {
                let inputs = [Data::Float(parameters), Data::Float(state), input, target];
                let mut outputs = [
                    DataMut::Float(&mut loss),
                    DataMut::Float(gradient),
                    DataMut::Float(next_state),
                    DataMut::Float(output),
                ];
                plan.run(&inputs, &mut outputs, key).map_err(failed)?;
                if value.is_some() || norm.is_some() {
                    optimizer.zero_frozen(gradient)?;
                }
                if let Some(limit) = *value {
                    clip_value(gradient, limit)?;
                }
                if let Some(limit) = *norm {
                    clip_global_norm(gradient, limit)?;
                }
                move_parameters(engine, optimizer, parameters, gradient, factor)?;
                std::mem::swap(state, next_state);
            }
            Way::Rows { plan, gradient, next_state, tables } => {
                let inputs = [Data::Float(parameters), Data::Float(state), input, target];
                let count = tables.len();
                let mut outputs: [_; 4 + 2 * MAX_TABLES] = std::array::from_fn(|_| DataMut::Float(&mut []));
                outputs[0] = DataMut::Float(&mut loss);
                outputs[1] = DataMut::Float(gradient);
                outputs[2] = DataMut::Float(next_state);
                outputs[3] = DataMut::Float(output);
                for (places, table) in outputs[4..].chunks_exact_mut(2).zip(&mut *tables) {
                    places[0] = DataMut::Index(&mut table.indices);
                    places[1] = DataMut::Float(&mut table.values);
                }
                plan.run(&inputs, &mut outputs[..4 + 2 * count], key).map_err(failed)?;
                let none = Rows { offset: 0, count: 0, width: 0, indices: &[], values: &[] };
                let mut rows = [none; MAX_TABLES];
                for (rows, table) in rows.iter_mut().zip(&*tables) {
                    let &Table { offset, count, width, ref indices, ref values } = table;
                    *rows = Rows { offset, count, width, indices, values };
                }
                optimizer.step_rows(parameters, gradient, &rows[..count], factor)?;
                std::mem::swap(state, next_state);
            }
        }
        Ok(loss[0])
    }
}
