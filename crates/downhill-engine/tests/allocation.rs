//! Running a plan allocates nothing.
#![allow(clippy::unwrap_used)]

mod counting;

use counting::allocations;
use downhill_autograd::{Data, DataMut, Output, Run, Tape};
use downhill_engine::Engine;
use downhill_tensor::Key;

/// One test in this file, so that nothing else allocates meanwhile.
#[test]
fn a_run_allocates_nothing() {
    for threads in [1, 2] {
        let tape = Tape::new();
        let images = tape.input("images", [8, 3, 12, 12]);
        let kernel = tape.input("kernel", [4, 3, 3, 3]);
        let table = tape.input("table", [20, 4]);
        let labels = tape.index_input("labels", [8]);
        let options = downhill_autograd::ops::Conv2d { padding: [1, 1], ..Default::default() };
        let pooled =
            images.conv2d(kernel, options).relu().max_pool2d(downhill_autograd::ops::Pool2d::square(2));
        let features = pooled.mean_over(&[2, 3]) * (table.gather(labels) + tape.uniform([8, 4]));
        let loss = -(features.log_softmax() * labels.one_hot(4)).sum();
        let gradient = tape.grad(loss, &[kernel, table]);
        let class = features.argmax();
        let program = tape
            .finish(&[
                Output::new("loss", &loss),
                Output::flat("gradient", &gradient),
                Output::new("class", &class),
            ])
            .unwrap();
        let mut plan = Engine::with_threads(threads).compile::<f32>(&program).unwrap();
        let (images, kernel, table) = (vec![0.5f32; 8 * 3 * 144], vec![0.1; 108], vec![0.2; 80]);
        let labels: Vec<i64> = (0..8).map(|i| i % 4).collect();
        let (mut loss, mut gradient, mut class) = ([0.0f32], vec![0.0; 188], [0i64; 8]);
        let mut run = || {
            let inputs =
                [Data::Float(&images), Data::Float(&kernel), Data::Float(&table), Data::Index(&labels)];
            let mut outputs =
                [DataMut::Float(&mut loss), DataMut::Float(&mut gradient), DataMut::Index(&mut class)];
            plan.run(&inputs, &mut outputs, Key::new(0)).unwrap();
        };
        run();
        // A helper thread that is just being born allocates its name and the like.
        std::thread::sleep(std::time::Duration::from_millis(100));
        run();
        let before = allocations();
        for _ in 0..100 {
            run();
        }
        assert_eq!(allocations(), before, "{threads} threads");
    }
}
