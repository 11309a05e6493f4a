//! Computing again instead of keeping.

use crate::program::{Node, NodeId};
use crate::{Tape, Var};
use std::collections::HashMap;
use std::ops::Range;

/// The blocks of a tape whose intermediates the gradient computes again: the numbers of the values recorded in
/// each. A block within a block is part of the outer one.
#[derive(Default)]
pub(crate) struct Blocks(Vec<Range<usize>>);

impl Blocks {
    /// Forgets all blocks.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn push(&mut self, block: Range<usize>) {
        self.0.retain(|inner| inner.start < block.start || inner.end > block.end);
        self.0.push(block);
    }

    /// The block in which a value was recorded.
    fn of(&self, value: usize) -> Option<Range<usize>> {
        self.0.iter().find(|block| block.contains(&value)).cloned()
    }
}

/// The values of blocks, computed again.
#[derive(Default)]
pub(super) struct Again<'t> {
    /// By the first value of a block: for each of its values, the copy.
    blocks: HashMap<usize, HashMap<NodeId, Var<'t>>>,
}

impl<'t> Again<'t> {
    /// The copy of `of` that the derivative of `output` should use: `of` itself, if it is kept.
    pub fn copy(&self, output: Var<'t>, of: Var<'t>) -> Var<'t> {
        let block = output.tape().block_of(output.id());
        let copies = block.and_then(|block| self.blocks.get(&block.start));
        copies.and_then(|copies| copies.get(&of.id())).copied().unwrap_or(of)
    }

    /// Sees to it that the block of a value, if it is in one, is recorded again, behind `cotangent`.
    pub fn meet(&mut self, output: Var<'t>, cotangent: Var<'t>) {
        let tape = output.tape();
        let Some(block) = tape.block_of(output.id()) else { return };
        if self.blocks.contains_key(&block.start) {
            return;
        }
        let mut copies: HashMap<NodeId, Var<'t>> = HashMap::new();
        let mut entering: HashMap<NodeId, Var<'t>> = HashMap::new();
        for id in block.clone() {
            let value = Var::new(tape, NodeId(id as u32));
            let Some((operation, operands)) = tape.operation(value) else { continue };
            let operands: Vec<Var<'t>> = operands
                .into_iter()
                .map(|operand| match copies.get(&operand.id()) {
                    Some(&copy) => copy,
                    None if operand.id().index() >= block.start || !tape.is_computed(operand) => operand,
                    None => *entering.entry(operand.id()).or_insert_with(|| operand.after(cotangent)),
                })
                .collect();
            let copy = tape.at_place_of(value, || tape.record_shared(operation, &operands));
            copies.insert(value.id(), copy);
        }
        self.blocks.insert(block.start, copies);
    }
}

impl Tape {
    /// Records a block whose intermediate values are not kept for the gradient, but computed again when it is
    /// taken: less memory for more time.
    ///
    /// What `block` records is the same as without; only [`Tape::vjp`] and [`Tape::grad`] use copies of its values,
    /// which they record behind the cotangent that arrives at the block ([`Var::after`]). The numbers are the same
    /// to the bit, random ones included. A network of n blocks in memory for one: n times the memory of what lies
    /// between blocks, and that of one block's inside, for one more forward pass. In a block within a block, the
    /// outer one counts.
    ///
    /// ```
    /// use downhill_autograd::{Output, Tape};
    /// let tape = Tape::new();
    /// let x = tape.input("x", [1000]);
    /// let mut y = x;
    /// for _ in 0..10 {
    ///     y = tape.checkpoint(|| y.sin().exp().tanh());
    /// }
    /// let gradient = tape.grad(y.sum(), &[x])[0];
    /// let program = tape.finish(&[Output::new("gradient", &gradient)])?;
    /// # Ok::<(), downhill_autograd::Error>(())
    /// ```
    ///
    /// # Source
    /// Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016 (arXiv:1604.06174).
    pub fn checkpoint<R>(&self, block: impl FnOnce() -> R) -> R {
        let start = self.len();
        let result = block();
        let end = self.len();
        if start < end {
            self.blocks(|blocks| blocks.push(start..end));
        }
        result
    }

    fn block_of(&self, id: NodeId) -> Option<Range<usize>> {
        self.blocks(|blocks| blocks.of(id.index()))
    }

    /// Whether a value is float and the result of an operation.
    fn is_computed(&self, value: Var<'_>) -> bool {
        value.is_float()
            && self.entry(value.id(), |entry| matches!(entry.node, Node::Operation(..))).unwrap_or(false)
    }
}
