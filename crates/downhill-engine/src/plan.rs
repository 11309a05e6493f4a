//! A program compiled for one precision and one set of shapes.

use crate::aligned::Aligned;
use crate::clock::Clock;
use crate::execute::{self, Address, Homes, Memory};
use crate::graph::Graph;
use crate::lower::{Lowered, lower};
use crate::passes;
use crate::pool::Pool;
use crate::precision::EnginePrecision;
use crate::profile::Profile;
use crate::schedule::Schedule;
use crate::step::{Body, Step};
use downhill_autograd::executor::check_bindings;
use downhill_autograd::{Data, DataMut, Error, Executor, Kind, Port, Precision, Program, Result, Run};
use downhill_tensor::Key;
use downhill_tensor::kernels::denormals::FlushDenormals;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Compiles programs and owns the threads on which their plans run.
///
/// Clones share the threads. The number of threads changes how fast a plan runs, never a bit of its result.
#[derive(Clone)]
pub struct Engine {
    pool: Arc<Pool>,
}

impl Engine {
    /// An engine that uses up to this many threads (at least 1, the calling one, and at most 64).
    pub fn with_threads(threads: usize) -> Self {
        Engine { pool: Arc::new(Pool::new(threads)) }
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Calls `part(i)` for each i below `parts`, on the engine's threads, in any order. For loops outside of
    /// plans whose parts do not depend on each other, an optimizer's step say.
    pub fn each(&self, parts: usize, part: impl Fn(usize) + Sync) {
        self.pool.each(parts.min(u16::MAX as usize), &|i, _| part(i));
    }

    /// Compiles a program.
    ///
    /// # Errors
    /// An operation with more operands than the engine can take (16), or sizes that exceed the machine.
    pub fn compile<T: EnginePrecision>(&self, program: &Program) -> Result<Plan<T>> {
        T::compile(self, program)
    }
}

impl Default for Engine {
    /// An engine on the calling thread alone.
    fn default() -> Self {
        Engine::with_threads(1)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("threads", &self.threads()).finish()
    }
}

impl<T: EnginePrecision> Executor<T> for Engine {
    type Run = Plan<T>;

    fn prepare(&self, program: &Program) -> Result<Plan<T>> {
        self.compile(program)
    }
}

/// A program compiled for one precision: loops over places in memory that are known ahead.
///
/// [`Run::run`] allocates nothing and locks nothing. `Display` prints the [schedule](Plan::schedule).
pub struct Plan<T> {
    program: Program,
    lowered: Lowered<T>,
    arena: Aligned<T>,
    index_arena: Vec<i64>,
    scratch: Aligned<T>,
    outputs: Vec<Address<T>>,
    addresses: Vec<Address<T>>,
    /// The bodies of scans.
    nested: Vec<Plan<T>>,
    ports: Ports,
    profiler: Option<Profiler>,
    pool: Arc<Pool>,
}

/// What the data of a run must be, in the form in which it is compared fastest.
struct Ports {
    /// None for what lies in an output.
    inputs: Vec<Option<(Kind, usize)>>,
    outputs: Vec<(Kind, usize)>,
}

impl Ports {
    fn new(program: &Program) -> Self {
        let input = |(number, port): (usize, &Port)| match program.updated_by(number) {
            Some(_) => None,
            None => Some((port.kind, port.len())),
        };
        Ports {
            inputs: program.inputs().iter().enumerate().map(input).collect(),
            outputs: program.outputs().iter().map(|port| (port.kind, port.len())).collect(),
        }
    }

    fn suit<T>(&self, inputs: &[Data<'_, T>], outputs: &[DataMut<'_, T>]) -> bool {
        self.inputs.len() == inputs.len()
            && self.outputs.len() == outputs.len()
            && self.inputs.iter().zip(inputs).all(|(expected, data)| *expected == data.kind_and_len())
            && self.outputs.iter().zip(outputs).all(|(expected, data)| *expected == data.kind_and_len())
    }
}

impl<T: Precision> Plan<T> {
    pub(crate) fn compile(engine: &Engine, program: &Program) -> Result<Self> {
        let mut graph = Graph::<T>::new(program);
        passes::run(&mut graph);
        let lowered = lower(&graph, engine.threads()).map_err(|error| Error::Binding {
            direction: "program",
            name: "plan".into(),
            expected: "shapes that the engine can lay out".into(),
            actual: error.to_string(),
        })?;
        let arenas = [lowered.arena, lowered.index_arena];
        if !execute::verify(&lowered.steps, &lowered.stages, &lowered.buffers, arenas) {
            return Err(Error::Binding {
                direction: "program",
                name: "plan".into(),
                expected: format!("operations of at most {} operands", execute::MAX_OPERANDS),
                actual: "one with more".into(),
            });
        }
        let nested = lowered.nested.iter().map(|body| Plan::compile(engine, body)).collect::<Result<_>>()?;
        Ok(Plan {
            program: program.clone(),
            nested,
            arena: Aligned::new(T::ZERO, lowered.arena),
            index_arena: vec![0; lowered.index_arena],
            scratch: Aligned::new(T::ZERO, lowered.scratch * engine.threads()),
            outputs: Vec::with_capacity(program.outputs().len()),
            addresses: Vec::with_capacity(lowered.buffers.len()),
            ports: Ports::new(program),
            profiler: None,
            lowered,
            pool: engine.pool.clone(),
        })
    }

    pub(crate) fn execute(
        &mut self,
        inputs: &[Data<'_, T>],
        outputs: &mut [DataMut<'_, T>],
        key: Key,
    ) -> Result<()> {
        if !self.ports.suit(inputs, outputs) {
            // Says what is wrong.
            check_bindings(&self.program, inputs, outputs)?;
        }
        let start = self.profiler.as_ref().map(|_| Instant::now());
        // Numbers below the smallest normal one take a hundred times as long, and weigh nothing.
        let _flush = FlushDenormals::new();
        // Room for these was made when the plan was.
        self.outputs.clear();
        self.outputs.extend(outputs.iter_mut().map(Address::of));
        let homes = Homes {
            arena: self.arena.as_mut_ptr(),
            index_arena: self.index_arena.as_mut_ptr(),
            floats: self.lowered.floats.as_ptr(),
            indices: self.lowered.indices.as_ptr(),
            inputs,
            outputs: &self.outputs,
        };
        self.addresses.clear();
        self.addresses.extend(self.lowered.buffers.iter().map(|buffer| homes.locate(buffer)));
        let memory = Memory {
            buffers: &self.lowered.buffers,
            addresses: &self.addresses,
            scratch: self.scratch.as_mut_ptr(),
            scratch_len: self.lowered.scratch,
            nested: self.nested.as_mut_ptr(),
            key,
        };
        let clock = self.profiler.as_ref().map(|profiler| &profiler.clock);
        for stage in &self.lowered.stages {
            // SAFETY: the arenas and the scratch space have the sizes that the steps were placed in, inputs
            // and outputs the kinds and lengths that the program declares; all are borrowed for this call,
            // the writable ones exclusively.
            let done = unsafe { execute::run(stage, &self.lowered.steps, &memory, &self.pool, clock) };
            done.map_err(|(step, reason)| {
                let origin = self.lowered.steps[step].origin;
                Error::Evaluation {
                    operation: self.program.operation_name(origin).into(),
                    reason,
                    place: self.program.place(origin),
                }
            })?;
        }
        if let (Some(profiler), Some(start)) = (&mut self.profiler, start) {
            profiler.runs += 1;
            profiler.time += start.elapsed();
        }
        Ok(())
    }
}

impl<T: Precision> Plan<T> {
    /// Floating-point operations of one run, roughly.
    pub fn operations(&self) -> u64 {
        self.lowered.steps.iter().map(|step| self.operations_of(step)).sum()
    }

    fn operations_of(&self, step: &Step) -> u64 {
        match &step.body {
            Body::Scan { scan, nested } => scan.length() as u64 * self.nested[*nested].operations(),
            _ => step.operations(),
        }
    }

    /// The bytes that the plan holds: intermediates, constants and scratch space.
    pub fn bytes(&self) -> usize {
        let floats = self.arena.len() + self.scratch.len() + self.lowered.floats.len();
        let indices = self.index_arena.len() + self.lowered.indices.len();
        let nested: usize = self.nested.iter().map(Plan::bytes).sum();
        floats * size_of::<T>() + indices * size_of::<i64>() + nested
    }
}

impl<T: EnginePrecision> Plan<T> {
    /// The program that was compiled.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The number of loops of one run.
    pub fn steps(&self) -> usize {
        self.lowered.steps.len()
    }

    /// What the plan does, loop by loop, in order.
    pub fn schedule(&self) -> Schedule {
        let mut schedule = Schedule::new(&self.lowered, &self.program, self.threads(), size_of::<T>());
        for (step, scheduled) in self.lowered.steps.iter().zip(&mut schedule.loops) {
            let Body::Scan { scan, nested } = &step.body else { continue };
            let body = &self.nested[*nested];
            let (length, loops) = (scan.length(), body.lowered.steps.len());
            scheduled.kind = format!("scan: {length} steps of {loops} loops");
            scheduled.operations = self.operations_of(step);
            schedule.intermediate_bytes += body.bytes();
        }
        schedule
    }

    /// The number of threads on which it runs.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// From now on measures how long each loop takes: see [`Plan::profile`]. What was measured before is
    /// forgotten. The clock is read twice for each block of each loop, some 50 nanoseconds, so tiny plans take
    /// longer meanwhile; results stay the same to the bit.
    pub fn start_profiling(&mut self) {
        let clock = Clock::new(self.lowered.steps.len());
        self.profiler = Some(Profiler { clock, runs: 0, time: Duration::ZERO });
    }

    /// No longer measures, and forgets what was measured.
    pub fn stop_profiling(&mut self) {
        self.profiler = None;
    }

    /// What has been measured since [`Plan::start_profiling`].
    pub fn profile(&self) -> Option<Profile> {
        let Profiler { clock, runs, time } = self.profiler.as_ref()?;
        let times = (0..self.lowered.steps.len()).map(|step| clock.of(step)).collect();
        Some(Profile { schedule: self.schedule(), runs: *runs, time: *time, times })
    }
}

/// What is measured while a plan runs.
struct Profiler {
    clock: Clock,
    runs: u64,
    time: Duration,
}

impl<T: EnginePrecision> Run<T> for Plan<T> {
    fn run(&mut self, inputs: &[Data<'_, T>], outputs: &mut [DataMut<'_, T>], key: Key) -> Result<()> {
        T::run(self, inputs, outputs, key)
    }
}

impl<T: EnginePrecision> fmt::Display for Plan<T> {
    /// The [schedule](Plan::schedule).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schedule().fmt(f)
    }
}

impl<T> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("steps", &self.lowered.steps.len()).finish_non_exhaustive()
    }
}
