//! While a plan runs, numbers below the smallest normal one count as zero, on every thread that works on it, and
//! nothing of that is left afterwards.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, DataMut, Executor, Interpreter, Output, Precision, Program, Run, Tape};
use downhill_engine::Engine;
use downhill_tensor::Key;
use downhill_tensor::kernels::denormals::FlushDenormals;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Enough elements to be worth many parts.
const LENGTH: usize = 1 << 20;

/// Whether this thread keeps numbers below the smallest normal one.
fn kept() -> bool {
    black_box(f32::MIN_POSITIVE) * black_box(0.5) != 0.0
}

/// The elementwise product of two vectors, and each row's product with a vector of two.
fn products() -> Program {
    let tape = Tape::new();
    let (x, y) = (tape.input("x", [LENGTH]), tape.input("y", [LENGTH]));
    let sums = x.reshape([LENGTH / 2, 2]).matmul(y.slice(0, 0..2).reshape([2, 1]));
    tape.finish(&[Output::new("products", &(x * y)), Output::new("sums", &sums)]).unwrap()
}

/// What an executor makes of products that are a quarter of the smallest normal number.
fn run<T: Precision>(executor: &impl Executor<T>, smallest: f64) -> Vec<f64> {
    let program = products();
    let mut run = executor.prepare(&program).unwrap();
    let (x, y) = (vec![T::from_f64(8.0 * smallest); LENGTH], vec![T::from_f64(1.0 / 32.0); LENGTH]);
    let (mut elements, mut sums) = (vec![T::ONE; LENGTH], vec![T::ONE; LENGTH / 2]);
    let mut outputs = [DataMut::Float(&mut elements), DataMut::Float(&mut sums)];
    run.run(&[Data::Float(&x), Data::Float(&y)], &mut outputs, Key::new(0)).unwrap();
    elements.iter().chain(&sums).map(|x| x.to_f64()).collect()
}

#[test]
fn products_below_the_smallest_normal_number_are_zero_on_any_number_of_threads() {
    let (single, double) = (f64::from(f32::MIN_POSITIVE), f64::MIN_POSITIVE);
    for threads in [1, 2, 4] {
        let engine = Engine::with_threads(threads);
        for _ in 0..4 {
            assert!(run::<f32>(&engine, single).iter().all(|&x| x == 0.0), "f32 on {threads} threads");
            assert!(run::<f64>(&engine, double).iter().all(|&x| x == 0.0), "f64 on {threads} threads");
        }
    }
    assert!(run::<f32>(&Interpreter, single).iter().all(|&x| x != 0.0), "the interpreter keeps them");
}

#[test]
fn normal_products_are_what_they_were() {
    let smallest = 16.0 * f64::from(f32::MIN_POSITIVE);
    assert_eq!(run::<f32>(&Engine::with_threads(2), smallest), run::<f32>(&Interpreter, smallest));
}

#[test]
fn the_callers_mode_is_as_before() {
    let engine = Engine::with_threads(2);
    assert!(kept());
    run::<f32>(&engine, f64::from(f32::MIN_POSITIVE));
    assert!(kept());
    let guard = FlushDenormals::new();
    run::<f32>(&engine, f64::from(f32::MIN_POSITIVE));
    assert!(!kept(), "a caller that flushes still does");
    drop(guard);
    assert!(kept());
}

#[test]
fn the_callers_mode_is_as_before_when_a_run_fails() {
    let tape = Tape::new();
    let rows = tape.input("table", [3, 2]).gather(tape.index_input("rows", [1]));
    let program = tape.finish(&[Output::new("rows", &rows)]).unwrap();
    let mut plan = Engine::default().compile::<f32>(&program).unwrap();
    let mut out = [0.0; 2];
    let inputs = [Data::Float(&[0.0; 6][..]), Data::Index(&[3])];
    plan.run(&inputs, &mut [DataMut::Float(&mut out)], Key::new(0)).unwrap_err();
    assert!(kept());
}

#[test]
fn helpers_flush_for_plans_alone() {
    let engine = Engine::with_threads(3);
    run::<f32>(&engine, f64::from(f32::MIN_POSITIVE));
    let keeping = AtomicUsize::new(0);
    engine.each(300, |_| {
        // Long enough for helpers to wake and take parts.
        std::thread::sleep(std::time::Duration::from_micros(50));
        keeping.fetch_add(usize::from(kept()), Ordering::Relaxed);
    });
    assert_eq!(keeping.into_inner(), 300);
}
