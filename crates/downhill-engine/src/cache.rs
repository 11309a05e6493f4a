//! Plans found again by what they compute.

use crate::{Engine, EnginePrecision, Plan};
use downhill_autograd::{Finished, Output, Program, Result, Tape};

/// Plans by the structure of their programs: a program that was compiled before is not compiled again, whoever
/// recorded it.
///
/// Two programs have one plan if they are the [same](Program::same): operations, attributes, shapes, constants,
/// names of inputs and outputs. Each is compared in full, from the plan used last on, so a plan found is the right
/// one. A cache holds a bounded number of plans and drops the one that was not used for longest.
///
/// A plan found again keeps the layer paths and source lines of the program that it was made for: those that are
/// shown in its schedule and in errors of a run.
///
/// ```
/// use downhill_autograd::{Data, DataMut, Output, Run, Tape};
/// use downhill_engine::{Engine, PlanCache};
/// use downhill_tensor::Key;
///
/// let mut plans = PlanCache::<f32>::new(&Engine::default(), 8);
/// let mut tape = Tape::new();
/// for x in [vec![1.0, 2.0], vec![3.0, 4.0], vec![1.0, 2.0, 3.0], vec![5.0, 6.0]] {
///     tape.clear();
///     let input = tape.input("x", [x.len()]);
///     let y = input.square().sum();
///     let gradient = tape.grad(y, &[input])[0];
///     let plan = plans.finish(&tape, &[Output::new("gradient", &gradient)])?;
///     let mut slope = vec![0.0; x.len()];
///     plan.run(&[Data::Float(&x)], &mut [DataMut::Float(&mut slope)], Key::new(0))?;
///     assert_eq!(slope[0], 2.0 * x[0]);
/// }
/// assert_eq!(plans.compiled(), 2); // for two numbers, and for three
/// # Ok::<(), downhill_autograd::Error>(())
/// ```
#[derive(Debug)]
pub struct PlanCache<T> {
    engine: Engine,
    capacity: usize,
    /// The one used last stands first.
    plans: Vec<Plan<T>>,
    /// The last plan of a program that is not even the same as itself.
    unlike: Option<Plan<T>>,
    compiled: u64,
}

impl<T: EnginePrecision> PlanCache<T> {
    /// An empty cache of at most `capacity` plans of this engine, at least one.
    pub fn new(engine: &Engine, capacity: usize) -> Self {
        let (engine, capacity) = (engine.clone(), capacity.max(1));
        PlanCache { engine, capacity, plans: Vec::new(), unlike: None, compiled: 0 }
    }

    /// The plan of a program.
    ///
    /// # Errors
    /// Those of [`Engine::compile`].
    pub fn plan(&mut self, program: &Program) -> Result<&mut Plan<T>> {
        match self.plans.iter().position(|plan| plan.program().same(program)) {
            Some(number) => Ok(self.use_again(number)),
            None => self.compile(program),
        }
    }

    /// The plan of the program that [`Tape::finish`] gives for these outputs. The program is built only if there
    /// is no plan of it. On a tape that was [cleared](Tape::clear) and holds the same as before, this costs a
    /// comparison.
    ///
    /// # Errors
    /// The first error that was noted while recording, and those of [`Engine::compile`].
    #[track_caller]
    pub fn finish(&mut self, tape: &Tape, outputs: &[Output<'_, '_>]) -> Result<&mut Plan<T>> {
        match tape.finish_among(outputs, self.plans.iter().map(Plan::program))? {
            Finished::Known(number) => Ok(self.use_again(number)),
            Finished::New(program) => self.compile(&program),
        }
    }

    fn use_again(&mut self, number: usize) -> &mut Plan<T> {
        self.plans[..=number].rotate_right(1);
        &mut self.plans[0]
    }

    fn compile(&mut self, program: &Program) -> Result<&mut Plan<T>> {
        let plan = self.engine.compile(program)?;
        self.compiled += 1;
        if !program.same(program) {
            // Nobody would find it, and it shall not drive out those that can be found.
            return Ok(self.unlike.insert(plan));
        }
        self.plans.truncate(self.capacity - 1);
        self.plans.insert(0, plan);
        Ok(&mut self.plans[0])
    }

    /// The number of plans that it holds.
    pub fn len(&self) -> usize {
        self.plans.len()
    }

    /// Whether it holds no plan.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// How many plans it has compiled so far. A number that grows with every step says that something in the
    /// programs differs from step to step: a constant, for example, that could be an input.
    pub fn compiled(&self) -> u64 {
        self.compiled
    }

    /// The bytes that its plans hold.
    pub fn bytes(&self) -> usize {
        self.plans.iter().chain(&self.unlike).map(Plan::bytes).sum()
    }
}
