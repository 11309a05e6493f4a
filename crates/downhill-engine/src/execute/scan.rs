//! Running the body of a scan step after step, on what lies in the plan that it is part of.

use super::Memory;
use crate::step::Step;
use downhill_autograd::ops::Scan;
use downhill_autograd::{Data, DataMut, Kind, Precision};

/// The most inputs, and the most outputs, of a body.
pub(crate) const MAX_PORTS: usize = 64;

/// Carries what a scan carries in its place in the result, from the first step to the last.
///
/// # Safety
/// As [`super::run`], on the thread that runs the plan; the nested plan of this number is that of the scan's body.
pub(super) unsafe fn run<T: Precision>(
    scan: &Scan,
    nested: usize,
    step: &Step,
    memory: &Memory<'_, T>,
) -> Result<(), String> {
    // SAFETY: nested plans are the running plan's own, which is borrowed exclusively, and each belongs to one step.
    let body = unsafe { &mut *memory.nested.add(nested) };
    let (carries, length) = (scan.carries(), scan.length());
    let ports = scan.body().inputs();
    let carried: usize = ports[..carries].iter().map(|port| port.len()).sum();
    // SAFETY: a step's operands and its result lie apart, and the result has this length.
    let out = unsafe { memory.part_mut(step.outs[0], 0..step.len) };
    let (carry, rest) = out.split_at_mut(carried);
    let (history, results) = rest.split_at_mut(if scan.history() { carried * length } else { 0 });
    let mut start = 0;
    for (operand, port) in step.operands.iter().zip(&ports[..carries]) {
        // SAFETY: nobody writes to operands.
        carry[start..start + port.len()].copy_from_slice(unsafe { memory.float_operand(operand) });
        start += port.len();
    }
    for number in scan.order() {
        if scan.history() {
            let mut start = 0;
            for port in &ports[..carries] {
                let len = port.len();
                history[start * length + number * len..][..len].copy_from_slice(&carry[start..start + len]);
                start += len;
            }
        }
        let mut inputs = [Data::InPlace; MAX_PORTS];
        for (at, (operand, port)) in step.operands.iter().zip(ports).enumerate().skip(carries) {
            let len = port.len();
            let start = if at < carries + scan.sequences() { number * len } else { 0 };
            // SAFETY: nobody writes to operands.
            inputs[at] = unsafe {
                match port.kind {
                    Kind::Float => Data::Float(&memory.float_operand(operand)[start..start + len]),
                    Kind::Index => Data::Index(&memory.index_operand(operand)[start..start + len]),
                }
            };
        }
        let mut outputs: [DataMut<'_, T>; MAX_PORTS] = std::array::from_fn(|_| DataMut::Float(&mut []));
        let (mut carry, mut results) = (&mut *carry, &mut *results);
        for (at, port) in scan.body().outputs().iter().enumerate() {
            let len = port.len();
            let (of, each, start) = match at < carries {
                true => (&mut carry, len, 0),
                false => (&mut results, length * len, number * len),
            };
            let (own, others) = std::mem::take(of).split_at_mut(each);
            *of = others;
            outputs[at] = DataMut::Float(&mut own[start..start + len]);
        }
        let (inputs, outputs) = (&inputs[..ports.len()], &mut outputs[..scan.body().outputs().len()]);
        body.execute(inputs, outputs, scan.key(memory.key, number)).map_err(|error| error.to_string())?;
    }
    Ok(())
}
