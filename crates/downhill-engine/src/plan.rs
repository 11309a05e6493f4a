//! A program compiled for one precision and one set of shapes.

use crate::aligned::Aligned;
use crate::execute::{self, Memory, Pointer};
use crate::graph::Graph;
use crate::lower::{Lowered, lower};
use crate::passes;
use crate::pool::Pool;
use crate::step::Stage;
use downhill_autograd::executor::check_bindings;
use downhill_autograd::{Data, DataMut, Error, Executor, Precision, Program, Result, Run};
use downhill_tensor::Key;
use downhill_tensor::kernels::denormals::FlushDenormals;
use std::fmt;
use std::sync::Arc;

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
    pub fn compile<T: Precision>(&self, program: &Program) -> Result<Plan<T>> {
        let mut graph = Graph::<T>::new(program);
        passes::run(&mut graph);
        let lowered = lower(&graph, self.threads()).map_err(|error| Error::Binding {
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
        Ok(Plan {
            program: program.clone(),
            arena: Aligned::new(T::ZERO, lowered.arena),
            index_arena: vec![0; lowered.index_arena],
            scratch: Aligned::new(T::ZERO, lowered.scratch * self.threads()),
            outputs: Vec::with_capacity(program.outputs().len()),
            lowered,
            pool: self.pool.clone(),
        })
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

impl<T: Precision> Executor<T> for Engine {
    type Run = Plan<T>;

    fn prepare(&self, program: &Program) -> Result<Plan<T>> {
        self.compile(program)
    }
}

/// A program compiled for one precision: loops over places in memory that are known ahead.
///
/// [`Run::run`] allocates nothing and locks nothing. `Display` prints the schedule.
pub struct Plan<T> {
    program: Program,
    lowered: Lowered<T>,
    arena: Aligned<T>,
    index_arena: Vec<i64>,
    scratch: Aligned<T>,
    outputs: Vec<Pointer<T>>,
    pool: Arc<Pool>,
}

impl<T: Precision> Plan<T> {
    /// The program that was compiled.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The number of loops of one run.
    pub fn steps(&self) -> usize {
        self.lowered.steps.len()
    }

    /// Floating-point operations of one run, roughly.
    pub fn operations(&self) -> u64 {
        self.lowered.steps.iter().map(|step| step.operations()).sum()
    }

    /// The bytes that the plan holds: intermediates, constants and scratch space.
    pub fn bytes(&self) -> usize {
        let floats = self.arena.len() + self.scratch.len() + self.lowered.floats.len();
        let indices = self.index_arena.len() + self.lowered.indices.len();
        floats * size_of::<T>() + indices * size_of::<i64>()
    }
}

impl<T: Precision> Run<T> for Plan<T> {
    fn run(&mut self, inputs: &[Data<'_, T>], outputs: &mut [DataMut<'_, T>], key: Key) -> Result<()> {
        check_bindings(&self.program, inputs, outputs)?;
        // Numbers below the smallest normal one take a hundred times as long, and weigh nothing.
        let _flush = FlushDenormals::new();
        // Room for these was made when the plan was.
        self.outputs.clear();
        self.outputs.extend(outputs.iter_mut().map(Pointer::new));
        let memory = Memory {
            buffers: &self.lowered.buffers,
            arena: self.arena.as_mut_ptr(),
            index_arena: self.index_arena.as_mut_ptr(),
            floats: self.lowered.floats.as_ptr(),
            indices: self.lowered.indices.as_ptr(),
            inputs,
            outputs: &self.outputs,
            scratch: self.scratch.as_mut_ptr(),
            scratch_len: self.lowered.scratch,
            key,
        };
        for stage in &self.lowered.stages {
            // SAFETY: the arenas and the scratch space have the sizes that the steps were placed in, inputs
            // and outputs the kinds and lengths that the program declares; all are borrowed for this call,
            // the writable ones exclusively.
            let done = unsafe { execute::run(stage, &self.lowered.steps, &memory, &self.pool) };
            done.map_err(|(step, reason)| {
                let origin = self.lowered.steps[step].origin;
                Error::Evaluation {
                    operation: self.program.operation_name(origin).into(),
                    reason,
                    place: self.program.place(origin),
                }
            })?;
        }
        Ok(())
    }
}

impl<T: Precision> fmt::Display for Plan<T> {
    /// The schedule: each loop with what it writes, into how many parts it is cut, its operations, and the
    /// layer that it belongs to; loops that go through the batch together stand under a line of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plan: {} loops, {} operations, {} bytes of intermediates and {} of scratch space, {} threads",
            self.steps(),
            self.operations(),
            self.arena.len() * size_of::<T>(),
            self.scratch.len() * size_of::<T>(),
            self.pool.threads(),
        )?;
        writeln!(
            f,
            "  {:>4}  {:<24} {:>10} {:>5} {:>12}  layer",
            "loop", "kind", "elements", "parts", "operations"
        )?;
        for stage in &self.lowered.stages {
            let (steps, parts) = match stage {
                Stage::Whole { step, parts, .. } => (*step..step + 1, parts),
                Stage::Strip { steps, rows, groups, block } => {
                    writeln!(f, "  strip of {} loops, {rows} rows by {block}:", steps.len())?;
                    (steps.clone(), groups)
                }
            };
            for number in steps {
                let step = &self.lowered.steps[number];
                writeln!(
                    f,
                    "  {:>4}  {:<24} {:>10} {:>5} {:>12}  {}",
                    number,
                    step.description(),
                    step.len,
                    parts,
                    step.operations(),
                    self.program.place(step.origin).path,
                )?;
            }
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("steps", &self.lowered.steps.len()).finish_non_exhaustive()
    }
}
