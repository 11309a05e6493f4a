//! Reading a table by the schema of the training data.

use super::cell::Cell;
use super::table::{Row, Table, Text};
use crate::{ColumnKind, Error, Features, InMemory, InputSchema, Result, Schema, Target, TargetSchema};
use std::path::Path;

/// What to do with the target column of data for a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetUse {
    /// It must be there: data to evaluate with.
    Required,
    /// It is read where it is there.
    IfPresent,
    /// It is left out, whether there or not: data to predict for.
    Ignored,
}

/// Reads a table with the columns of `schema`, found by their names in any order; further columns are left
/// out. For an array without names, the columns beside the target are taken in the file's order. The inputs
/// of the result are in the order of the schema, and categories and classes have its numbers.
///
/// # Errors
/// A file that is not there or not a table, a column of the schema that is missing, a text that the training
/// data does not have, and every fault of the contents, with its line and column.
pub fn read_with_schema(path: &Path, schema: &Schema, target: TargetUse) -> Result<InMemory> {
    apply(&Text::open(path)?, schema, target)
}

/// Reads a table from memory; `path` is its name in messages.
///
/// # Errors
/// As [`read_with_schema`].
pub fn read_bytes_with_schema(
    bytes: &[u8],
    path: &Path,
    schema: &Schema,
    target: TargetUse,
) -> Result<InMemory> {
    apply(&Text::from_bytes(bytes, path)?, schema, target)
}

fn apply(text: &Text, schema: &Schema, target_use: TargetUse) -> Result<InMemory> {
    let table = text.table(None)?;
    let target_column = find_target(&table, &schema.target, target_use)?;
    let inputs = find_inputs(&table, schema)?;
    let kinds: Vec<Kind<'_>> = match &schema.inputs {
        InputSchema::Columns(columns) => columns.iter().map(|column| Kind::of(&column.kind)).collect(),
        InputSchema::Array { maximum, .. } => vec![maximum.map_or(Kind::Number, Kind::Byte); inputs.len()],
    };
    let target_kind = match &schema.target {
        TargetSchema::Classes { classes, .. } => Kind::Category(classes),
        _ => Kind::Number,
    };

    let (mut values, mut targets, mut rows) = (Vec::new(), Vec::new(), 0);
    table.rows(|line, row| {
        rows += 1;
        for (&index, kind) in inputs.iter().zip(&kinds) {
            values.push(kind.value(&table, index, line, row)?);
        }
        if let Some(index) = target_column {
            targets.push(target_kind.value(&table, index, line, row)?);
        }
        Ok(())
    })?;
    if rows == 0 {
        return Err(Error::TooFewRows { path: table.path.to_owned(), expected: 1, actual: 0 });
    }

    let features = match schema.inputs {
        InputSchema::Array { maximum: Some(maximum), .. } => {
            Features::Bytes { values: values.into_iter().map(|value| value as u8).collect(), maximum }
        }
        _ => Features::F64(values),
    };
    let target = match (&schema.target, target_column) {
        (TargetSchema::Classes { classes, .. }, Some(_)) => Target::Classes {
            labels: targets.into_iter().map(|label| label as i64).collect(),
            names: classes.clone(),
        },
        (TargetSchema::Values { .. }, Some(_)) => Target::Values { values: targets, width: 1 },
        _ => Target::None,
    };
    let title = table.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name = schema.target.name().unwrap_or_default();
    Ok(InMemory::new(schema.inputs.clone(), features, target, name)?
        .with_title(&title)
        .with_source(&table.path.display().to_string()))
}

fn find_target(table: &Table<'_>, target: &TargetSchema, target_use: TargetUse) -> Result<Option<usize>> {
    let width = match target {
        TargetSchema::Values { width, .. } => *width,
        _ => 1,
    };
    match (target.name(), target_use) {
        (None, TargetUse::Required) => {
            Err(Error::WrongTarget { expected: "a target column", actual: "none" })
        }
        (None, _) | (_, TargetUse::Ignored) => Ok(None),
        // A table has one target column; more come from arrays only.
        (Some(_), _) if width != 1 => Err(Error::SchemaMismatch {
            what: "numbers in a target".into(),
            expected: width.to_string(),
            actual: "a table, which has 1".into(),
        }),
        (Some(name), TargetUse::Required) => table.column(name).map(Some),
        (Some(name), TargetUse::IfPresent) => Ok(table.header.iter().position(|column| column == name)),
    }
}

/// The positions in the table of the numbers of one input.
fn find_inputs(table: &Table<'_>, schema: &Schema) -> Result<Vec<usize>> {
    let names = schema.inputs.names();
    if names.is_empty() {
        let is_input = |index: &usize| Some(table.header[*index].as_str()) != schema.target.name();
        let inputs: Vec<usize> = (0..table.header.len()).filter(is_input).collect();
        let expected = schema.inputs.shape().size();
        if inputs.len() != expected {
            let (path, actual) = (table.path.to_owned(), inputs.len());
            return Err(Error::WrongColumnCount { path, expected, actual });
        }
        return Ok(inputs);
    }
    let positions: std::collections::HashMap<&str, usize> =
        table.header.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let missing: Vec<String> =
        names.iter().filter(|name| !positions.contains_key(name.as_str())).cloned().collect();
    if !missing.is_empty() {
        let (path, columns) = (table.path.to_owned(), table.header.clone());
        return Err(Error::MissingColumns { path, names: missing, columns });
    }
    Ok(names.iter().filter_map(|name| positions.get(name.as_str()).copied()).collect())
}

/// What the cells of a column must hold.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Number,
    /// A whole number up to this one.
    Byte(u8),
    /// One of these texts; the value is its position.
    Category(&'a [String]),
}

impl<'a> Kind<'a> {
    fn of(kind: &'a ColumnKind) -> Self {
        match kind {
            ColumnKind::Numeric => Kind::Number,
            ColumnKind::Categorical { categories } => Kind::Category(categories),
        }
    }

    fn value(self, table: &Table<'_>, index: usize, line: u64, row: &Row<'_>) -> Result<f64> {
        let text = row.text(index)?;
        let (path, column, cell) =
            (|| table.path.to_owned(), || table.header[index].clone(), || text.to_owned());
        let parsed = Cell::parse(text);
        match (self, parsed) {
            (_, Cell::Missing) => {
                Err(Error::MissingValue { path: path(), line, column: column(), cell: cell() })
            }
            (Kind::Category(known), _) => {
                // Classes that were numbers are compared as numbers: 1.0 is the class 1.
                let position = Schema::category(known, text).or_else(|| match parsed {
                    Cell::Number(number) => Schema::category(known, &number.to_string()),
                    _ => None,
                });
                position.map(|position| position as f64).ok_or_else(|| Error::UnseenCategory {
                    path: path(),
                    line,
                    column: column(),
                    cell: cell(),
                    known: known.to_vec(),
                })
            }
            (_, Cell::NotFinite) => {
                Err(Error::NotFinite { path: path(), line, column: column(), cell: cell() })
            }
            (_, Cell::Text(_)) => Err(Error::NotANumber {
                path: path(),
                line,
                column: column(),
                cell: cell(),
                advice: "the training data has numbers in this column",
            }),
            (Kind::Number, Cell::Number(number)) => Ok(number),
            (Kind::Byte(maximum), Cell::Number(number)) => {
                if number.fract() == 0.0 && (0.0..=f64::from(maximum)).contains(&number) {
                    Ok(number)
                } else {
                    Err(Error::OutOfByteRange { path: path(), line, column: column(), cell: cell(), maximum })
                }
            }
        }
    }
}
