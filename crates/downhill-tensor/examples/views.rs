//! One storage, many views: what slicing, permuting and broadcasting do to strides, and when numbers move.
//!
//! Run with `cargo run -p downhill-tensor --example views`.
#![allow(clippy::print_stdout)]

use downhill_tensor::{Result, Slice, Tensor};
use std::sync::Arc;

fn main() -> Result<()> {
    let table = Tensor::from_fn([3, 4], |index| (10 * index[0] + index[1]) as i64);
    println!("a table of tens (rows) and units (columns)\n{table}\n");

    let backwards_in_twos = Slice { start: None, end: None, step: -2 };
    let views = [
        ("the table itself", table.clone()),
        ("the second row", table.select(0, 1)?),
        ("the second column", table.select(1, 1)?),
        ("the two columns in the middle", table.slice(1, 1..3)?),
        ("the transpose", table.transpose()?),
        ("every other column, from the end", table.slice(1, backwards_in_twos)?),
        ("the first row, three times", table.slice(0, ..1)?.broadcast_to([3, 4])?),
        ("the table as [2, 6]", table.reshape([2, 6])?),
        ("the transpose as [2, 6]", table.transpose()?.reshape([2, 6])?),
    ];
    println!("{:<34} {:<8} {:<9} {:>6}  shares storage", "view", "shape", "strides", "offset");
    for (name, view) in &views {
        let layout = view.layout();
        let (shape, strides) = (view.shape().to_string(), format!("{:?}", layout.strides()));
        let shared = Arc::ptr_eq(view.storage(), table.storage());
        println!("{name:<34} {shape:<8} {strides:<9} {:>6}  {shared}", layout.offset());
    }

    // Writing to a view copies it first, because the table is still looking at the same numbers.
    let mut column = table.select(1, 0)?;
    column.make_mut().fill(-1);
    println!("\na column after writing: {column}; the table's is still {}", table.select(1, 0)?);

    // Two shapes that do not fit are an error that says which and why.
    let weights = Tensor::from([0.5, 0.25, 0.25]);
    match table.cast::<f64>().mul(&weights) {
        Ok(product) => println!("{product}"),
        Err(error) => println!("\n{error}"),
    }
    println!("one weight a row, as a column:\n{}", table.cast::<f64>().mul(&weights.unsqueeze(1)?)?);
    Ok(())
}
