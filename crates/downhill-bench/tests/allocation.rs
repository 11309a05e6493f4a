//! A training step allocates nothing, whatever is trained.

mod common;
#[path = "../../downhill-engine/tests/counting/mod.rs"]
mod counting;

use counting::allocations;

/// One test in this file, so that nothing else allocates meanwhile.
#[test]
fn a_step_allocates_nothing() {
    const STEPS: usize = 10;
    for line in common::lines() {
        for threads in [1, 2] {
            let mut workload = common::workload(&line, threads).unwrap();
            let mut steps = || (0..STEPS).for_each(|_| assert!(workload.step().unwrap().is_finite()));
            steps();
            // A helper thread that is just being born allocates its name and the like.
            std::thread::sleep(std::time::Duration::from_millis(100));
            let before = allocations();
            steps();
            let count = allocations() - before;
            assert_eq!(count, 0, "{line} on {threads} threads allocates, in {STEPS} steps");
        }
    }
}
