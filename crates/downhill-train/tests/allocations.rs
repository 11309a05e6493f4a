//! A step allocates nothing, once the first epoch has touched everything.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris};
use downhill_data::BatchSize;
use downhill_nn::{Activation, BatchNorm, Dropout, Linear, Sequential};
use downhill_train::{Event, TrainConfig, Trainer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, which counts what it is asked for.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_step_allocates_nothing() {
    let (train, held_out) = iris();
    let network = Sequential::new()
        .with(Linear::new(300))
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(Dropout::new(0.1))
        .with(Linear::new(200))
        .with(Linear::new(3));
    for threads in [1, 2] {
        // Batches of 32, 32, 32 and 24.
        let config = TrainConfig {
            threads,
            batch_size: BatchSize::Examples(32),
            clip_norm: Some(1.0),
            clip_value: Some(1.0),
            ..adam(0.01, 4)
        };
        let mut before = None;
        let mut steps = 0;
        Trainer::new(network.clone(), config)
            .unwrap()
            .on_event(|event| {
                let now = ALLOCATIONS.load(Ordering::Relaxed);
                match event {
                    Event::Step { epoch, step, .. } if *epoch > 1 => {
                        if let Some(before) = before {
                            assert_eq!(now - before, 0, "step {step} allocated, with {threads} threads");
                            steps += 1;
                        }
                        before = Some(now);
                    }
                    // What an epoch's end needs is not a step's.
                    _ => before = None,
                }
                ControlFlow::Continue(())
            })
            .fit(&train, Some(&held_out))
            .unwrap();
        assert_eq!(steps, 3 * 3);
    }
}
