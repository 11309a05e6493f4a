//! A layer with the shape of its input: its parameters laid out, its first numbers, its programs.

use crate::{Error, Init, Layer, LossFunction, Mode, Result, Scope, Summary};
use downhill_autograd::{Output, Program, Tape, Type, Var};
use downhill_tensor::{Float, Key, ParameterLayout};

/// A network: a layer whose parameters have been found by recording it once.
///
/// Its parameters are one flat vector θ, which the network describes and does not hold. Its programs take θ
/// and the state as inputs. Their shapes are fixed: a batch of another size is another program, of the same
/// θ.
///
/// ```
/// use downhill_autograd::Type;
/// use downhill_nn::{Activation, Loss, Network, models};
/// use downhill_tensor::Key;
/// let network = Network::new(models::mlp(&[16], 3, Activation::Relu), Type::float([32, 4]))?;
/// let theta: Vec<f32> = network.initialize(Key::new(42));
/// assert_eq!(theta.len(), 4 * 16 + 16 + 16 * 3 + 3);
/// let program = network.training_program(Type::float([32, 4]), Type::index([32]), &Loss::CrossEntropy)?;
/// assert_eq!(program.outputs()[1].name, "gradient");
/// println!("{}", network.summary());
/// # Ok::<(), downhill_nn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Network<L> {
    layer: L,
    input: Type,
    output: Type,
    layout: ParameterLayout,
    initializers: Vec<Init>,
    state_layout: ParameterLayout,
    initial_state: Vec<f64>,
    summary: Summary,
}

impl<L: Layer> Network<L> {
    /// Records `layer` once on an input of this type, whose first dimension is the batch, and finds all its
    /// parameters.
    ///
    /// # Errors
    /// The first wrong shape or option, with its layer path and line.
    pub fn new(layer: L, input: Type) -> Result<Self> {
        let tape = Tape::new();
        // Training may need more of a batch than there is in an example (more than one sample, say).
        let scope = Scope::new(&tape, Mode::Inference);
        let x = scope.input("input", input);
        let output = scope.run(&layer, x).ty();
        match tape.error() {
            Some(error) => Err(error.into()),
            None => Ok(Network {
                input,
                output,
                layout: scope.layout(),
                initializers: scope.initializers(),
                state_layout: scope.state_layout(),
                initial_state: scope.initial_state(),
                summary: scope.summary(),
                layer,
            }),
        }
    }

    /// The layer.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// The type of the input with which the network was made.
    pub fn input(&self) -> Type {
        self.input
    }

    /// The type of the output for that input.
    pub fn output(&self) -> Type {
        self.output
    }

    /// Names, shapes and ranges of the parameters.
    pub fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    /// Names, shapes and ranges of the state.
    pub fn state_layout(&self) -> &ParameterLayout {
        &self.state_layout
    }

    /// The number of parameters: the length of θ.
    pub fn parameter_count(&self) -> usize {
        self.layout.len()
    }

    /// The table of layers, output shapes and parameters.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The first θ. Each parameter is drawn from `key` and its own name, so it does not depend on the order
    /// of the layers or on what else there is; both precisions get the same numbers up to rounding.
    pub fn initialize<T: Float>(&self, key: Key) -> Vec<T> {
        let mut theta = vec![T::ZERO; self.layout.len()];
        for (entry, init) in self.layout.entries().iter().zip(&self.initializers) {
            init.fill(entry.shape, key.named(&entry.name), &mut theta[entry.range()]);
        }
        theta
    }

    /// The first state.
    pub fn initial_state<T: Float>(&self) -> Vec<T> {
        let mut state = vec![T::ZERO; self.state_layout.len()];
        for (entry, &initial) in self.state_layout.entries().iter().zip(&self.initial_state) {
            state[entry.range()].fill(T::from_f64(initial));
        }
        state
    }

    /// The program of one training step. Inputs: `parameters` \[P\], `state` \[S\], `input`, `target`.
    /// Outputs: `loss` \[\], `gradient` \[P\], `state` \[S\] (as it is after the step), `output`.
    ///
    /// # Errors
    /// A wrong shape, a parameter on which the loss does not depend, an operation without derivative, each
    /// with its place; an input that would need other parameters.
    pub fn training_program(
        &self,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
    ) -> Result<Program> {
        self.record_gradient(input, target, loss, |scope, output, loss, gradient| {
            scope.tape().finish(&[
                Output::new("loss", &loss),
                Output::flat("gradient", &gradient),
                Output::flat("state", &scope.next_state()),
                Output::new("output", &output),
            ])
        })
    }

    /// The program of one whole step of plain gradient descent, `θ ← θ - rate ∇loss(θ)`, in which no gradient
    /// need ever exist: an engine can add each layer's part straight into θ.
    ///
    /// Inputs: `parameters` \[P\], `state` \[S\], `input`, `target`, `rate` \[\]. Outputs: `loss` \[\] (before
    /// the step), `parameters` and `state`, which take the places of the inputs of these names
    /// ([`Output::update`]), `output`.
    ///
    /// # Errors
    /// As [`Network::training_program`].
    pub fn sgd_program(
        &self,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
    ) -> Result<Program> {
        self.record_gradient(input, target, loss, |scope, output, loss, gradient| {
            let rate = scope.input("rate", Type::float(()));
            let parameters = scope.parameters().into_iter();
            let moved: Vec<_> =
                parameters.zip(gradient).map(|(parameter, slope)| parameter - rate * slope).collect();
            scope.tape().finish(&[
                Output::new("loss", &loss),
                Output::update("parameters", &moved),
                Output::update("state", &scope.next_state()),
                Output::new("output", &output),
            ])
        })
    }

    /// The program that measures the network, in inference mode. Inputs: `parameters` \[P\], `state` \[S\],
    /// `input`, `target`. Outputs: `loss` \[\], `output`.
    ///
    /// # Errors
    /// A wrong shape, with its place; an input that would need other parameters.
    pub fn evaluation_program(
        &self,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
    ) -> Result<Program> {
        self.record(Mode::Inference, input, |scope, output| {
            let loss = scalar_loss(scope, output, target, loss);
            scope.tape().finish(&[Output::new("loss", &loss), Output::new("output", &output)])
        })
    }

    /// The program that uses the network. Inputs: `parameters` \[P\], `state` \[S\], `input`. Output:
    /// `output`.
    ///
    /// # Errors
    /// A wrong shape, with its place; an input that would need other parameters.
    pub fn inference_program(&self, input: Type) -> Result<Program> {
        self.record(Mode::Inference, input, |scope, output| {
            scope.tape().finish(&[Output::new("output", &output)])
        })
    }

    /// Records the network as a function of its parameters \[P\], its state \[S\] and an input, all of which
    /// are recorded already; the new state is not delivered. With it a network is differentiated along any
    /// direction of θ, checked, or made part of something larger.
    ///
    /// ```
    /// use downhill_autograd::{Type, value_and_grad};
    /// use downhill_nn::{Mode, Network, models};
    /// use downhill_tensor::Tensor;
    /// let network = Network::new(models::linear(1), Type::float([2, 1]))?;
    /// let (loss, gradient) = value_and_grad(
    ///     |theta| {
    ///         let tape = theta.tape();
    ///         let x = tape.constant(Tensor::from([[1.0], [2.0]]));
    ///         network.apply(Mode::Training, theta, tape.zeros([0]), x).square().mean()
    ///     },
    ///     &[3.0, -4.0], // the weight and the bias
    /// )?;
    /// assert_eq!((loss, gradient), (2.5, vec![3.0, 1.0]));
    /// # Ok::<(), downhill_nn::Error>(())
    /// ```
    #[track_caller]
    pub fn apply<'t>(&self, mode: Mode, parameters: Var<'t>, state: Var<'t>, input: Var<'t>) -> Var<'t> {
        for (what, vector, length) in
            [("parameters", parameters, self.layout.len()), ("state", state, self.state_layout.len())]
        {
            if vector.ty() != Type::float([length]) {
                return vector.refuse(what, format!("this network has {}", Type::float([length])));
            }
        }
        Scope::with_values(mode, parameters, state).run(&self.layer, input)
    }

    /// Records the network with its input, and finishes what `finish` makes of the output.
    /// Records the loss in training mode and its gradient, a value for each parameter.
    pub(crate) fn record_gradient(
        &self,
        input: Type,
        target: Type,
        loss: &(impl LossFunction + ?Sized),
        finish: impl for<'t> FnOnce(
            &Scope<'t>,
            Var<'t>,
            Var<'t>,
            Vec<Var<'t>>,
        ) -> downhill_autograd::Result<Program>,
    ) -> Result<Program> {
        self.record(Mode::Training, input, |scope, output| {
            let loss = scalar_loss(scope, output, target, loss);
            let gradient = scope.tape().grad(loss, &scope.parameters());
            finish(scope, output, loss, gradient)
        })
    }

    fn record(
        &self,
        mode: Mode,
        input: Type,
        finish: impl for<'t> FnOnce(&Scope<'t>, Var<'t>) -> downhill_autograd::Result<Program>,
    ) -> Result<Program> {
        let tape = Tape::new();
        let scope = Scope::new(&tape, mode);
        let x = scope.input("input", input);
        let output = scope.run(&self.layer, x);
        if let Some(error) = tape.error() {
            return Err(error.into());
        }
        same_layout("parameter", &self.layout, &scope.layout(), input)?;
        same_layout("state", &self.state_layout, &scope.state_layout(), input)?;
        Ok(finish(&scope, output)?)
    }
}

/// Records the loss of `output`, a scalar.
fn scalar_loss<'t>(
    scope: &Scope<'t>,
    output: Var<'t>,
    target: Type,
    loss: &(impl LossFunction + ?Sized),
) -> Var<'t> {
    let target = scope.input("target", target);
    scope.tape().at_path("(loss)", || {
        let loss = loss.loss(output, target);
        if loss.shape().size() == 1 {
            loss.reshape(())
        } else {
            loss.refuse("loss", "a loss must be a scalar: reduce it with `.mean()` or `.sum()`")
        }
    })
}

/// Compares what a program declares with what the network was made with.
fn same_layout(
    what: &'static str,
    expected: &ParameterLayout,
    found: &ParameterLayout,
    input: Type,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (mut ours, mut theirs) = (expected.entries().iter(), found.entries().iter());
    let name = |entry: Option<&downhill_tensor::ParameterEntry>| {
        entry.map_or("none more".to_string(), |entry| format!("`{}` {}", entry.name, entry.shape))
    };
    loop {
        let (expected, found) = (ours.next(), theirs.next());
        if expected != found || expected.is_none() {
            return Err(Error::LayoutMismatch { what, expected: name(expected), found: name(found), input });
        }
    }
}
