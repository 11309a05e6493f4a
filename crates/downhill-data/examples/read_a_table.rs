//! From a CSV file to batches of numbers, and how later data goes the same way.
#![allow(clippy::print_stdout)]

use downhill_data::{CsvOptions, InMemory, PartSize, Preprocessing, TargetUse, csv};
use std::path::Path;

const HOUSES: &[u8] = b"\
id,area,district,price
1,52,north,210
2,75,south,260
3,110,north,405
4,64,river,330
5,93,south,315
6,41,river,235
7,120,south,395
8,88,north,330
9,70,river,352
10,105,south,350
";

const OFFERS: &[u8] = b"district,area\nriver,80\nsouth,60\n";

fn main() -> downhill_data::Result<()> {
    // A file is read by `csv::read(path, ...)`; this table lies in memory.
    let name = Path::new("houses.csv");
    let options = CsvOptions::new("price").ignore("id");
    let houses = csv::read_bytes(HOUSES, name, &options)?;
    println!("{} houses, columns {}", houses.len(), houses.schema().inputs.names().join(", "));

    // What is fitted sees the training part only.
    let (train, held_out) = houses.split(PartSize::Fraction(0.3), 1)?;
    let preprocessing = Preprocessing::fit(&train, Default::default())?;
    println!("after preprocessing: {}", preprocessing.output_schema().names().join(", "));
    show("train", &preprocessing.apply(&train)?)?;
    show("held out", &preprocessing.apply(&held_out)?)?;

    // Later data is read by the schema that was stored: columns in any order, no target needed.
    let offers = csv::read_bytes_with_schema(
        OFFERS,
        Path::new("offers.csv"),
        preprocessing.schema(),
        TargetUse::Ignored,
    )?;
    show("offers", &preprocessing.apply(&offers)?)?;

    // A model's answers are standardized as its targets were; this is the way back.
    let mut answers = [0.0, 1.0];
    preprocessing.invert_targets(&mut answers);
    println!("an answer of 0 means {:.1}, of 1 means {:.1}", answers[0], answers[1]);

    // Faults are named with their place.
    let faulty = b"area,district,price\n52,north,210\n75,south,\n";
    if let Err(error) = csv::read_bytes(faulty, name, &CsvOptions::new("price")) {
        println!("{error}");
    }
    Ok(())
}

fn show(title: &str, data: &InMemory) -> downhill_data::Result<()> {
    println!("{title}:");
    for row in 0..data.len() {
        let cells: Vec<String> = data.input(row)?.iter().map(|x| format!("{x:6.2}")).collect();
        println!("  {}", cells.join(" "));
    }
    Ok(())
}
