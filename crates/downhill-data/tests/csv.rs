//! Tables: what is made of good ones, and what is said of bad ones.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::csv::{self, read_bytes, read_bytes_with_schema};
use downhill_data::{ColumnKind, CsvOptions, InMemory, TargetKind, TargetUse, Task};
use proptest::prelude::*;
use std::path::Path;

fn read(text: &str, target: &str) -> Result<InMemory, String> {
    read_bytes(text.as_bytes(), Path::new("t.csv"), &CsvOptions::new(target))
        .map_err(|error| error.to_string())
}

fn read_as(text: &str, target: &str, task: Task) -> Result<InMemory, String> {
    let options = CsvOptions::new(target).task(task);
    read_bytes(text.as_bytes(), Path::new("t.csv"), &options).map_err(|error| error.to_string())
}

fn fault(text: &str) -> String {
    read(text, "y").unwrap_err()
}

const HOUSES: &str = "size,kind,y\n10,flat,1.5\n20,house,2.5\n30,flat,3.5\n40,house,4.5\n";

#[test]
fn columns_get_their_kinds_and_keep_their_values() {
    let data = read(HOUSES, "y").unwrap();
    let columns = data.schema().inputs.columns();
    assert_eq!(columns[0].kind, ColumnKind::Numeric);
    let categories = vec!["flat".to_owned(), "house".to_owned()];
    assert_eq!(columns[1].kind, ColumnKind::Categorical { categories });
    assert_eq!(data.input(1).unwrap(), [20.0, 1.0]);
    assert_eq!(data.values().unwrap(), [1.5, 2.5, 3.5, 4.5]);
    assert_eq!(data.target_kind(), TargetKind::Values { width: 1 });
}

#[test]
fn byte_order_marks_line_ends_quotes_spaces_and_delimiters_make_no_difference() {
    let expected = read(HOUSES, "y").unwrap();
    for text in [
        format!("\u{feff}{HOUSES}"),
        HOUSES.replace('\n', "\r\n"),
        HOUSES.replace(',', ";"),
        HOUSES.replace(',', "\t"),
        HOUSES.replace(',', " , "),
        HOUSES.replace("flat", "\"flat\""),
        HOUSES.replace("kind", "\"kind\""),
        HOUSES.trim_end().to_owned(),
        format!("\n{}\n\n", HOUSES.replace('\n', "\n\n")),
    ] {
        let data = read(&text, "y").unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(data.schema(), expected.schema(), "{text:?}");
        assert_eq!(data.features(), expected.features(), "{text:?}");
        assert_eq!(data.values(), expected.values(), "{text:?}");
    }
}

#[test]
fn a_compressed_table_is_read_whatever_its_name() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(HOUSES.as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("houses.csv");
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    let data = csv::read(&path, &CsvOptions::new("y")).unwrap();
    assert_eq!((data.len(), data.title()), (4, "houses.csv"));
    assert_eq!(csv::column_names(&path).unwrap(), ["size", "kind", "y"]);
}

#[test]
fn the_task_is_seen_from_the_whole_target() {
    let table = |cells: &mut dyn Iterator<Item = String>| {
        cells.enumerate().fold("x,y\n".to_owned(), |text, (i, y)| text + &format!("{i},{y}\n"))
    };
    let kind = |text: &str| read(text, "y").unwrap().target_kind();
    let classes = |count| TargetKind::Classes { count };
    let numbers = TargetKind::Values { width: 1 };
    assert_eq!(kind(&table(&mut (0..6).map(|i| (i % 2).to_string()))), classes(2), "two whole numbers");
    assert_eq!(kind(&table(&mut (0..30).map(|i| (i % 3).to_string()))), classes(3), "three, ten times each");
    assert_eq!(kind(&table(&mut (0..29).map(|i| (i % 3).to_string()))), numbers, "less often than that");
    assert_eq!(kind(&table(&mut (0..210).map(|i| (i % 21).to_string()))), numbers, "more than twenty");
    assert_eq!(kind(&table(&mut (0..90).map(|i| format!("{}.5", i % 3)))), numbers, "no whole numbers");
    assert_eq!(kind(&table(&mut (0..4).map(|i| ["a", "b"][i % 2].to_owned()))), classes(2), "texts");
    let numbered = table(&mut (0..30).map(|i| [10, 9, 100][i % 3].to_string()));
    let data = read(&numbered, "y").unwrap();
    assert_eq!(data.class_names(), ["9", "10", "100"], "in the order of numbers");
    assert_eq!(data.labels().unwrap()[..3], [1, 0, 2]);
    assert_eq!(read_as(&numbered, "y", Task::Regress).unwrap().target_kind(), numbers);
    let halves = table(&mut (0..6).map(|i| format!("{}.5", i % 3)));
    assert_eq!(read_as(&halves, "y", Task::Classify).unwrap().class_names(), ["0.5", "1.5", "2.5"]);
}

#[test]
fn an_unknown_column_is_answered_with_the_columns_there_are() {
    assert_eq!(
        read(HOUSES, "sise").unwrap_err(),
        "t.csv: there is no column 'sise'; did you mean 'size'; the columns are size, kind, y"
    );
    let options = CsvOptions::new("y").ignore("nothing");
    let message = read_bytes(HOUSES.as_bytes(), Path::new("t.csv"), &options).unwrap_err().to_string();
    assert!(message.contains("no column 'nothing'; the columns are"), "{message}");
    let options = CsvOptions::new("y").ignore("y");
    let message = read_bytes(HOUSES.as_bytes(), Path::new("t.csv"), &options).unwrap_err().to_string();
    assert!(
        message.contains("ignored columns must be without the target, but is with the column 'y'"),
        "{message}"
    );
    let options = CsvOptions::new("y").ignore("size").ignore("kind");
    let message = read_bytes(HOUSES.as_bytes(), Path::new("t.csv"), &options).unwrap_err().to_string();
    assert!(message.contains("no column is left to learn from"), "{message}");
}

#[test]
fn missing_values_are_named_with_line_and_column() {
    for missing in ["", "NA", "nan", "NaN", "?", "n/a", "NULL", "  "] {
        let message = fault(&format!("a,b,y\n1,2,3\n4,{missing},6\n7,8,9\n"));
        let cell = missing.trim();
        assert!(
            message.starts_with(&format!("t.csv: line 3, column 'b': the value is missing ('{cell}')")),
            "{message}"
        );
    }
    assert!(fault("a,y\n1,2\n2,\n").contains("line 3, column 'y': the value is missing"));
}

#[test]
fn lines_are_counted_through_empty_lines_and_quoted_line_ends() {
    assert!(fault("a,y\n\n1,2\n\n\n2,?\n").contains("line 6, column 'y'"));
    assert!(fault("a,y\r\n\r\n1,2\r\n\r\n2,?\r\n").contains("line 5, column 'y'"));
    assert!(fault("a,y\n\"p\nq\",2\nr,?\n").contains("line 4, column 'y'"));
}

#[test]
fn a_text_among_numbers_is_an_error_wherever_it_stands() {
    let text = (0..500).fold("a,b,y\n".to_owned(), |text, i| {
        let cell = if i == 400 { "twelve".to_owned() } else { i.to_string() };
        text + &format!("{i},{cell},{}\n", i as f64 * 0.5)
    });
    assert_eq!(
        fault(&text),
        "t.csv: line 402, column 'b': expected a number, but found 'twelve'; most cells of this column are numbers: \
         correct the cell, or ignore the column"
    );
    let first = fault("b,y\nx,1\n2,2\n3,3\n4,5\n");
    assert!(first.contains("line 2, column 'b': expected a number, but found 'x'"), "{first}");
    let comma = fault("b;y\n1;1\n2,5;2\n3;3\n");
    assert!(comma.contains("found '2,5' (a number needs a decimal point, not a comma)"), "{comma}");
    let target = fault("b,y\n1,1\n2,2\n3,oops\n");
    assert!(target.contains("line 4, column 'y': expected a number, but found 'oops'"), "{target}");
    let message = read_as("b,y\n1,u\n2,v\n", "y", Task::Regress).unwrap_err();
    assert!(message.contains("line 2, column 'y'") && message.contains("learn classes instead"), "{message}");
}

#[test]
fn texts_with_some_numbers_among_them_are_categories() {
    let data = read("a,y\n3,1\nhigh,2\nlow,3.5\nlow,4\n", "y").unwrap();
    let categories = ["3", "high", "low"].map(str::to_owned).to_vec();
    assert_eq!(data.schema().inputs.columns()[0].kind, ColumnKind::Categorical { categories });
    assert_eq!(data.input(0).unwrap(), [0.0]);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for cell in ["inf", "-Infinity", "1e999"] {
        let message = fault(&format!("a,y\n1,2\n{cell},3\n"));
        assert!(
            message.contains(&format!("line 3, column 'a': '{cell}' is not a finite number")),
            "{message}"
        );
    }
}

#[test]
fn ragged_rows_and_bad_headers_are_named() {
    assert!(fault("a,b,y\n1,2,3\n4,5\n").contains("line 3: expected 3 cells as in the header, but found 2"));
    assert!(fault("a,b,y\n1,2,3,4\n").contains("line 2: expected 3 cells as in the header, but found 4"));
    assert!(fault("a,y,a\n1,2,3\n").contains("the column name 'a' stands at positions 1 and 3"));
    assert!(fault("a,,y\n1,2,3\n").contains("line 1: column 2 has no name"));
    assert!(
        fault("5.1,3.5,0\n1,2,3\n").contains("must name the columns, but holds numbers only (5.1, 3.5, 0)")
    );
}

#[test]
fn files_without_rows_or_without_text_are_refused() {
    assert!(fault("").contains("expected a CSV file with a header line, but the file is empty"));
    assert!(fault(" \n\n").contains("the file is empty"));
    assert!(fault("a,y\n").contains("expected a header line and at least 2 data row(s), but found 0"));
    assert!(fault("a,y\n1,2\n").contains("but found 1 data row(s)"));
    assert!(fault("<html><body>Not found</body></html>").contains("this is an HTML page"));
    let binary = read_bytes(b"a,y\n1,2\n\xff\xfe\xfd,3\n", Path::new("t.csv"), &CsvOptions::new("y"));
    assert!(binary.unwrap_err().to_string().contains("line 3: the text is not valid UTF-8"));
    let utf16 = read_bytes(b"\xff\xfea\0,\0y\0", Path::new("t.csv"), &CsvOptions::new("y"));
    assert!(utf16.unwrap_err().to_string().contains("the file is in UTF-16; save it as UTF-8"));
    let folder = tempfile::tempdir().unwrap();
    let directory = csv::read(folder.path(), &CsvOptions::new("y")).unwrap_err().to_string();
    assert!(directory.contains("but this is a directory"), "{directory}");
}

#[test]
fn columns_from_which_nothing_can_be_learned_are_refused() {
    assert_eq!(
        fault("a,b,y\n1,7,2\n2,7.0,3\n3,7,5\n"),
        "t.csv: column 'b' is '7' in every row: nothing can be learned from it; ignore it"
    );
    let ids = (0..50).fold("id,a,y\n".to_owned(), |text, i| text + &format!("user{i},{i},{}.5\n", i % 7));
    let message = fault(&ids);
    assert!(
        message.contains("column 'id' holds 50 different texts in 50 rows: it looks like an identifier"),
        "{message}"
    );
    let data = read_bytes(ids.as_bytes(), Path::new("t.csv"), &CsvOptions::new("y").ignore("id")).unwrap();
    assert_eq!(data.schema().inputs.names(), ["a"]);
    let few = (0..20).fold("id,y\n".to_owned(), |text, i| text + &format!("u{i},{i}.5\n"));
    assert!(read(&few, "y").is_ok(), "twenty texts are not too many");
    assert!(
        fault("a,y\n1,cat\n2,cat\n")
            .contains("the target 'y' is 'cat' in every row: at least two different classes")
    );
    assert!(fault("a,y\n1,0.5\n2,0.5\n").contains("at least two different values are needed"));
    let many = (0..1500).fold("a,y\n".to_owned(), |text, i| text + &format!("{i},{i}\n"));
    assert!(read_as(&many, "y", Task::Classify).unwrap_err().contains("more than 1000 different numbers"));
}

fn predict(text: &str, target: TargetUse) -> Result<InMemory, String> {
    let schema = read("size,kind,y\n1,a,no\n2,b,yes\n3,a,yes\n", "y").unwrap().schema().clone();
    read_bytes_with_schema(text.as_bytes(), Path::new("p.csv"), &schema, target)
        .map_err(|error| error.to_string())
}

#[test]
fn later_data_is_read_by_name_in_any_order() {
    let data = predict("extra,y,kind,size\n9,yes,b,5\n9,no,b,5\n", TargetUse::Required).unwrap();
    assert_eq!(data.input(0).unwrap(), [5.0, 1.0], "one value in every row is fine here");
    assert_eq!(data.labels().unwrap(), [1, 0]);
    let data = predict("kind,size\na,5\n", TargetUse::IfPresent).unwrap();
    assert_eq!((data.len(), data.target_kind()), (1, TargetKind::None));
    let ignored = predict("kind,size,y\na,5,whatever\n", TargetUse::Ignored).unwrap();
    assert_eq!(ignored.target_kind(), TargetKind::None);
}

#[test]
fn later_data_that_does_not_fit_is_refused() {
    let fault = |text| predict(text, TargetUse::IfPresent).unwrap_err();
    assert_eq!(
        fault("kind,size\na,1\nc,2\n"),
        "p.csv: line 3, column 'kind': 'c' does not occur in the training data, which has a, b"
    );
    assert!(
        fault("kind\na\n").contains("the column(s) size of the training data are missing; the file has kind")
    );
    assert!(
        fault("kind,size\na,big\n").contains("line 2, column 'size': expected a number, but found 'big'")
    );
    assert!(fault("kind,size\na,\n").contains("line 2, column 'size': the value is missing"));
    assert!(fault("kind,size\n").contains("at least 1 data row(s), but found 0"));
    assert!(fault("kind,size,y\na,1,maybe\n").contains("column 'y': 'maybe' does not occur"));
    assert!(predict("kind,size\na,1\n", TargetUse::Required).unwrap_err().contains("there is no column 'y'"));
}

#[test]
fn rows_of_pixels_are_read_for_images() {
    let digits = downhill_data::embedded::load("digits").unwrap();
    let header = (0..64).map(|i| format!("p{i}")).collect::<Vec<_>>().join(",");
    let row = |last: &str| format!("{header}\n{}{last}\n", "0,".repeat(63));
    let read = |text: String| {
        read_bytes_with_schema(text.as_bytes(), Path::new("p.csv"), digits.schema(), TargetUse::IfPresent)
    };
    let data = read(row("8")).unwrap();
    assert_eq!((data.input_shape().dims(), data.input(0).unwrap()[63]), (&[1, 8, 8][..], 0.5));
    let message = read(row("17")).unwrap_err().to_string();
    assert!(
        message.contains("column 'p63': expected a whole number from 0 to 16, but found '17'"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_bytes(&bytes, Path::new("x"), &CsvOptions::new("y"));
        let _ = read_bytes(&[b"a,y\n", &bytes[..]].concat(), Path::new("x"), &CsvOptions::new("y"));
    }

    #[test]
    fn arbitrary_cells_never_panic(cells in proptest::collection::vec("[-a0-9.,;\"\r\n?e ]{0,4}", 0..60)) {
        let text = format!("a,b,y\n{}", cells.join(","));
        if let Ok(data) = read(&text, "y") {
            let schema = data.schema().clone();
            let again = read_bytes_with_schema(text.as_bytes(), Path::new("x"), &schema, TargetUse::Required).unwrap();
            prop_assert_eq!(again.features(), data.features());
            prop_assert_eq!((again.labels(), again.values()), (data.labels(), data.values()));
        }
    }

    #[test]
    fn numbers_come_back_as_they_were_written(rows in proptest::collection::vec((any::<i32>(), -1e300..1e300f64), 2..40)) {
        let text = rows.iter().fold("a,y\n".to_owned(), |text, (a, y)| text + &format!("{a},{y}\n"));
        let options = CsvOptions::new("y").task(Task::Regress);
        if let Ok(data) = read_bytes(text.as_bytes(), Path::new("x"), &options) {
            for (row, (a, y)) in rows.iter().enumerate() {
                prop_assert_eq!(data.input(row).unwrap(), [f64::from(*a)]);
                prop_assert_eq!(data.values().unwrap()[row], *y);
            }
        }
    }
}
