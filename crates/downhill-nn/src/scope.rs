//! What layers are handed while their forward pass is recorded: where they are, and what they declare.

use crate::layers::{Reparameterization, padding};
use crate::summary::{Row, Summary};
use crate::{Init, Layer};
use downhill_autograd::{Error, Kind, Tape, Type, Var};
use downhill_tensor::{ParameterLayout, Shape};
use std::cell::RefCell;
use std::rc::Rc;

/// What a recording is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Learning: dropout drops, batch normalization uses the batch and updates its running statistics.
    Training,
    /// Use: the network is a fixed function of its input.
    Inference,
}

/// The place of a layer in a network that is being recorded, and the record of all that is declared there.
///
/// Parameters are parts of one flat input of the program, `parameters`, in the order of their first
/// declaration. Program state that is not trained, as running statistics, lies in another, `state`.
///
/// A scope also serves alone, to record a program that [`Network`](crate::Network) does not have:
///
/// ```
/// use downhill_autograd::{Output, Tape};
/// use downhill_nn::{Linear, Mode, Scope};
/// let tape = Tape::new();
/// let scope = Scope::new(&tape, Mode::Training);
/// let (left, right) = (tape.input("left", [8, 5]), tape.input("right", [8, 5]));
/// // One name, one layer: both sides share its parameters.
/// let encoder = Linear::new(3);
/// let distance = scope.layer("encoder", &encoder, left) - scope.layer("encoder", &encoder, right);
/// let loss = distance.square().mean();
/// // A difference does not depend on the bias, so only the weight gets a gradient here.
/// let gradient = tape.grad(loss, &scope.parameters()[..1]);
/// let program = tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)])?;
/// assert_eq!(program.inputs()[0].name, "parameters");
/// assert_eq!(scope.layout().len(), 5 * 3 + 3);
/// # Ok::<(), downhill_nn::Error>(())
/// ```
pub struct Scope<'t> {
    shared: Rc<Shared<'t>>,
    path: String,
    around: Surroundings<'t>,
}

/// What layers are told beside their input.
#[derive(Clone, Copy, Default)]
struct Surroundings<'t> {
    /// How many steps of each sequence count, whole numbers \[n\].
    lengths: Option<Var<'t>>,
    /// Whether sequences lie backwards, so that the steps that count are the last ones.
    backwards: bool,
    /// What decoders look at, and the lengths of its sequences.
    memory: Option<(Var<'t>, Option<Var<'t>>)>,
    /// What takes the place of the weight of the layer at this path.
    weight: Option<Reparameterization>,
}

/// The number of elements that no shape exceeds.
const LARGEST: usize = isize::MAX as usize / 16;

struct Shared<'t> {
    tape: &'t Tape,
    mode: Mode,
    parameters: Source<'t>,
    state: Source<'t>,
    declared: RefCell<Declared<'t>>,
}

/// Where declared values come from: an input of the program, which grows with them, or a vector that is
/// there already.
#[derive(Clone, Copy)]
enum Source<'t> {
    Port(usize),
    Vector(Var<'t>),
}

impl<'t> Source<'t> {
    #[track_caller]
    fn part(self, tape: &'t Tape, name: &str, offset: usize, shape: Shape) -> Var<'t> {
        match self {
            Source::Port(port) => tape.part(port, name, shape),
            Source::Vector(vector) => vector.slice(0, offset..offset + shape.size()).reshape(shape),
        }
    }
}

#[derive(Default)]
struct Declared<'t> {
    layout: ParameterLayout,
    initializers: Vec<Init>,
    parameters: Vec<Var<'t>>,
    state_layout: ParameterLayout,
    initial_state: Vec<f64>,
    state: Vec<Var<'t>>,
    rows: Vec<Row>,
}

impl<'t> Scope<'t> {
    /// The scope at the top of a network. Declares the inputs `parameters` and `state` on the tape.
    pub fn new(tape: &'t Tape, mode: Mode) -> Self {
        let (parameters, state) =
            (Source::Port(tape.vector("parameters")), Source::Port(tape.vector("state")));
        Self::at_top(tape, mode, parameters, state)
    }

    /// The scope at the top of a network whose parameters and state are the elements of two vectors that are
    /// recorded already: the network as a function of them. Elements that are missing are an error, noted on
    /// the tape.
    pub fn with_values(mode: Mode, parameters: Var<'t>, state: Var<'t>) -> Self {
        Self::at_top(parameters.tape(), mode, Source::Vector(parameters), Source::Vector(state))
    }

    fn at_top(tape: &'t Tape, mode: Mode, parameters: Source<'t>, state: Source<'t>) -> Self {
        let shared = Shared { tape, mode, parameters, state, declared: RefCell::default() };
        Scope { shared: Rc::new(shared), path: String::new(), around: Surroundings::default() }
    }

    /// This scope, for sequences of different lengths in one batch: of each only its first steps count, as many as
    /// `lengths` says (whole numbers \[n\]), and what stands behind them changes nothing. Recurrent layers, attention
    /// and [`EmbeddingBag`](crate::EmbeddingBag) within keep to it; layers that work step by step need not know, as
    /// long as the padding is finite. Those that change the number of steps, as convolutions do, have no place there. A
    /// length beyond the steps is an error when the program runs.
    ///
    /// ```
    /// use downhill_autograd::Type;
    /// use downhill_nn::{Layer, Linear, Lstm, Network, Sequential, layer_fn};
    /// let model = Sequential::new().with(Lstm::new(8)).with(Linear::new(2));
    /// let network = Network::new(
    ///     layer_fn(move |scope, x| {
    ///         let lengths = scope.input("lengths", Type::index([x.dim(0)]));
    ///         model.forward(&scope.padded(lengths), x)
    ///     }),
    ///     Type::float([4, 10, 3]),
    /// )?;
    /// let program = network.inference_program(network.input())?;
    /// assert_eq!(program.inputs()[3].name, "lengths");
    /// # Ok::<(), downhill_nn::Error>(())
    /// ```
    #[must_use]
    pub fn padded(&self, lengths: Var<'t>) -> Self {
        self.with(Surroundings { lengths: Some(lengths), ..self.around })
    }

    /// How many steps of each sequence count, if that was said with [`Scope::padded`].
    pub fn lengths(&self) -> Option<Var<'t>> {
        self.around.lengths
    }

    /// This scope, for sequences that lie backwards, so that padding stands before them.
    pub(crate) fn backwards(&self) -> Self {
        self.with(Surroundings { backwards: !self.around.backwards, ..self.around })
    }

    /// 1 for the steps that count, 0 for the others, `[n, steps]`; nothing if all count.
    #[track_caller]
    pub(crate) fn running(&self, steps: usize) -> Option<Var<'t>> {
        let running = padding::table(self.around.lengths?, steps);
        Some(if self.around.backwards { running.flip(1) } else { running })
    }

    /// This scope, with what decoders within look at ([`DecoderBlock`](crate::DecoderBlock)): an encoder's result
    /// `[n, length, width]`, and the lengths of its sequences if not all of their steps count.
    #[must_use]
    pub fn with_memory(&self, memory: Var<'t>, lengths: Option<Var<'t>>) -> Self {
        self.with(Surroundings { memory: Some((memory, lengths)), ..self.around })
    }

    /// What decoders look at, and the lengths of its sequences.
    pub fn memory(&self) -> Option<(Var<'t>, Option<Var<'t>>)> {
        self.around.memory
    }

    /// This scope, in which the layer at this path gets its weight through another parameterization.
    pub(crate) fn reparameterized(&self, weight: Reparameterization) -> Self {
        self.with(Surroundings { weight: Some(weight), ..self.around })
    }

    fn with(&self, around: Surroundings<'t>) -> Self {
        Scope { shared: self.shared.clone(), path: self.path.clone(), around }
    }

    /// The tape on which the network is recorded.
    pub fn tape(&self) -> &'t Tape {
        self.shared.tape
    }

    /// The path of this layer: the names from the top joined by dots; empty at the top.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the recording is for.
    pub fn mode(&self) -> Mode {
        self.shared.mode
    }

    /// Whether the recording is for training.
    pub fn is_training(&self) -> bool {
        self.mode() == Mode::Training
    }

    /// The parameter `name` of this layer, in this shape, with this start.
    ///
    /// Asked for again under the same path and name, it is the same parameter, and `init` of the first time
    /// holds: so weights are shared. Another shape is an error, noted on the tape.
    #[track_caller]
    pub fn param(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Var<'t> {
        match self.around.weight {
            Some(weight) if name == "weight" => {
                let plain = self.with(Surroundings { weight: None, ..self.around });
                weight.record(&plain, shape.into(), init)
            }
            _ => self.declare(name, shape.into(), init, false),
        }
    }

    /// A parameter from which rows are only ever gathered ([`Var::gather`]), so that the gradient of a step
    /// touches few of them; the layout says so.
    #[track_caller]
    pub fn sparse_param(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Var<'t> {
        self.declare(name, shape.into(), init, true)
    }

    #[track_caller]
    fn declare(&self, name: &str, shape: Shape, init: Init, sparse: bool) -> Var<'t> {
        let full_name = match self.full_name("parameter", name) {
            Ok(full_name) => full_name,
            Err(silent) => return silent,
        };
        let mut declared = self.shared.declared.borrow_mut();
        if let Some(position) = declared.layout.entries().iter().position(|entry| entry.name == full_name) {
            let first = declared.layout.entries()[position].shape;
            return if first == shape {
                declared.parameters[position]
            } else {
                self.clash("parameter", &full_name, first, shape)
            };
        }
        if let Err(reason) = init.check(shape) {
            return self.fail(&format!("{init:?}"), vec![Type::float(shape)], reason);
        }
        if declared.layout.len().saturating_add(shape.size()) >= LARGEST {
            let reason = "together with those before it has more elements than a vector can have";
            return self.fail(&format!("parameter {full_name}"), vec![Type::float(shape)], reason.into());
        }
        let var = self.shared.parameters.part(self.tape(), &full_name, declared.layout.len(), shape);
        // The name is new, as was found above.
        let _ = declared.layout.push(full_name, shape, sparse);
        declared.initializers.push(init);
        declared.parameters.push(var);
        // The innermost layer around this scope, which may be a part of a layer without a row of its own.
        let around = |row: &&mut Row| {
            let rest = self.path.strip_prefix(&row.path);
            rest.is_some_and(|rest| row.path.is_empty() || rest.is_empty() || rest.starts_with('.'))
        };
        if let Some(row) = declared.rows.iter_mut().rev().find(around) {
            row.parameters += shape.size();
        }
        var
    }

    /// The state `name` of this layer: a value that is not trained, but carried from step to step, `initial`
    /// everywhere at the start. After [`Scope::update_state`] it is the new value.
    #[track_caller]
    pub fn state(&self, name: &str, shape: impl Into<Shape>, initial: f64) -> Var<'t> {
        let shape = shape.into();
        let full_name = match self.full_name("state", name) {
            Ok(full_name) => full_name,
            Err(silent) => return silent,
        };
        let mut declared = self.shared.declared.borrow_mut();
        if let Some(position) = declared.state_layout.entries().iter().position(|e| e.name == full_name) {
            let first = declared.state_layout.entries()[position].shape;
            return if first == shape {
                declared.state[position]
            } else {
                self.clash("state", &full_name, first, shape)
            };
        }
        let var = self.shared.state.part(self.tape(), &full_name, declared.state_layout.len(), shape);
        let _ = declared.state_layout.push(full_name, shape, false);
        declared.initial_state.push(initial);
        declared.state.push(var);
        var
    }

    /// Says what the state `name` of this layer becomes after the step. In inference state does not change,
    /// and this does nothing. No gradient flows through the new value.
    ///
    /// A state that was not declared, or a value of another shape, is an error, noted on the tape.
    #[track_caller]
    pub fn update_state(&self, name: &str, value: Var<'t>) {
        if !self.is_training() {
            return;
        }
        let Ok(full_name) = self.full_name("state", name) else { return };
        let mut declared = self.shared.declared.borrow_mut();
        let Some(position) = declared.state_layout.entries().iter().position(|e| e.name == full_name) else {
            value.refuse(&format!("state {full_name}"), "declare it with `scope.state` before updating it");
            return;
        };
        let shape = declared.state_layout.entries()[position].shape;
        if value.ty() == Type::float(shape) {
            declared.state[position] = value.stop_gradient();
        } else {
            value.refuse(&format!("state {full_name}"), format!("it was declared as {}", Type::float(shape)));
        }
    }

    /// What `layer` makes of `x` under the name `name`: its parameters and errors bear the path of this
    /// layer, a dot, and that name.
    #[track_caller]
    pub fn layer(&self, name: &str, layer: &(impl Layer + ?Sized), x: Var<'t>) -> Var<'t> {
        self.within(name, |scope| scope.run(layer, x))
    }

    /// Records under the child path `name`; for parts of a layer that take several values.
    #[track_caller]
    pub fn within(&self, name: &str, record: impl FnOnce(&Scope<'t>) -> Var<'t>) -> Var<'t> {
        let path = match self.full_name("layer", name) {
            Ok(path) => path,
            Err(silent) => return silent,
        };
        let around = Surroundings { weight: None, ..self.around };
        let child = Scope { shared: self.shared.clone(), path, around };
        self.tape().at_path(&child.path, || record(&child))
    }

    /// Runs a layer at this path and notes its row of the summary.
    pub(crate) fn run(&self, layer: &(impl Layer + ?Sized), x: Var<'t>) -> Var<'t> {
        let row = {
            let rows = &mut self.shared.declared.borrow_mut().rows;
            let kind = layer.kind().into_owned();
            rows.push(Row { path: self.path.clone(), kind, output: x.ty(), parameters: 0 });
            rows.len() - 1
        };
        let y = layer.forward(self, x);
        self.shared.declared.borrow_mut().rows[row].output = y.ty();
        y
    }

    /// Random numbers uniform in [0, 1), drawn anew in every run of the program.
    #[track_caller]
    pub fn uniform(&self, shape: impl Into<Shape>) -> Var<'t> {
        self.tape().uniform(shape)
    }

    /// Declares an input of the program, of this kind and shape.
    #[track_caller]
    pub fn input(&self, name: &str, ty: Type) -> Var<'t> {
        match ty.kind {
            Kind::Float => self.tape().input(name, ty.shape),
            Kind::Index => self.tape().index_input(name, ty.shape),
        }
    }

    /// All parameters declared so far, in the order of the layout: what to differentiate by.
    pub fn parameters(&self) -> Vec<Var<'t>> {
        self.shared.declared.borrow().parameters.clone()
    }

    /// All state as it is after the step, in the order of its layout: what was not updated passes through.
    pub fn next_state(&self) -> Vec<Var<'t>> {
        self.shared.declared.borrow().state.clone()
    }

    /// Names, shapes and ranges of the parameters declared so far.
    pub fn layout(&self) -> ParameterLayout {
        self.shared.declared.borrow().layout.clone()
    }

    /// Names, shapes and ranges of the state declared so far.
    pub fn state_layout(&self) -> ParameterLayout {
        self.shared.declared.borrow().state_layout.clone()
    }

    /// The initializers of the parameters, in the order of the layout.
    pub fn initializers(&self) -> Vec<Init> {
        self.shared.declared.borrow().initializers.clone()
    }

    /// The first values of the state, one for each entry of its layout.
    pub fn initial_state(&self) -> Vec<f64> {
        self.shared.declared.borrow().initial_state.clone()
    }

    /// The layers recorded so far, with their outputs and parameters.
    pub fn summary(&self) -> Summary {
        let declared = self.shared.declared.borrow();
        Summary { rows: declared.rows.clone(), parameters: declared.layout.len() }
    }

    /// The path of something in this layer. For a name that would make paths ambiguous an error is noted, and
    /// the silent value returned.
    #[track_caller]
    fn full_name(&self, what: &str, name: &str) -> Result<String, Var<'t>> {
        if name.is_empty() || name.contains('.') {
            let reason = "a name must not be empty or contain a dot, which separates the names of a path";
            return Err(self.fail(&format!("{what} {name:?}"), Vec::new(), reason.into()));
        }
        Ok(if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) })
    }

    #[track_caller]
    fn clash(&self, what: &str, full_name: &str, first: Shape, second: Shape) -> Var<'t> {
        let reason = format!(
            "asked for twice, it is shared, so both shapes must be the same; give the second {what} another \
             name if it shall be a new one"
        );
        self.fail(&format!("{what} {full_name}"), vec![Type::float(first), Type::float(second)], reason)
    }

    #[track_caller]
    fn fail(&self, operation: &str, inputs: Vec<Type>, expected: String) -> Var<'t> {
        let place = self.tape().here();
        self.tape().fail(Error::Operands { operation: operation.into(), inputs, expected, place })
    }
}
