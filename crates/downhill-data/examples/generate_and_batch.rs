//! Generated problems, folds, and batches whose order the seed decides.
#![allow(clippy::print_stdout)]

use downhill_data::{BatchSize, Loader, LoaderOptions, generators};
use std::ops::ControlFlow;

fn main() -> downhill_data::Result<()> {
    for generator in generators::ALL {
        println!("{:8} {}", generator.name, generator.description);
    }

    // A line comes with the truth about it.
    let line = generators::line(200, 0.1, 42)?;
    println!("\nthe line of seed 42: y = {:.4} x + {:.4}", line.slope, line.intercept);

    // Folds keep the classes in proportion.
    let spirals = generators::spirals(100, 3, 0.02, 42)?;
    for (fold, (train, held_out)) in spirals.k_fold(3, 42)?.iter().enumerate() {
        println!("fold {fold}: train {:?}, held out {:?}", train.class_counts(), held_out.class_counts());
    }

    // The same epoch has the same order whenever it is asked for.
    let mut loader = Loader::<f32>::new(&spirals, LoaderOptions::shuffled(BatchSize::Examples(40), 7))?;
    for epoch in [0, 1, 0] {
        loader.begin(epoch);
        println!("epoch {epoch} begins with the examples {:?}", &loader.rows(0)[..6]);
    }

    // Batches can be filled by a thread beside the one that uses them.
    let broke_off = loader.prefetch(0..loader.steps(), |step, batch| {
        let mean = batch.inputs.iter().sum::<f32>() / batch.inputs.len() as f32;
        println!("step {step}: {} examples, mean coordinate {mean:+.3}", batch.len);
        ControlFlow::<()>::Continue(())
    })?;
    assert_eq!(broke_off, None);
    Ok(())
}
