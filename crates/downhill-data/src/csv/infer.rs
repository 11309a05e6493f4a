//! Reading a table whose columns are not known yet.

use super::CsvOptions;
use super::cell::Cell;
use super::table::{Row, Table, Text};
use crate::task::{Distinct, MOST_CLASSES, Task};
use crate::{Column, ColumnKind, Error, Features, InMemory, InputSchema, Result, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const TOO_MANY_CATEGORIES: usize = 20;

/// Reads a table for training; see the [module](super) for what becomes of the columns.
///
/// # Errors
/// A file that is not there or not a table, and every fault of the contents, with its line and column.
///
/// ```no_run
/// use downhill_data::{CsvOptions, csv};
/// let data = csv::read("houses.csv".as_ref(), &CsvOptions::new("price").ignore("id"))?;
/// println!("{} houses, {:?}", data.len(), data.schema().inputs.names());
/// # Ok::<(), downhill_data::Error>(())
/// ```
pub fn read(path: &Path, options: &CsvOptions) -> Result<InMemory> {
    infer(&Text::open(path)?, options)
}

/// Reads a table from memory; `path` is its name in messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], path: &Path, options: &CsvOptions) -> Result<InMemory> {
    infer(&Text::from_bytes(bytes, path)?, options)
}

fn infer(text: &Text, options: &CsvOptions) -> Result<InMemory> {
    let table = text.table(options.delimiter)?;
    let target = options.target.as_deref().map(|name| table.column(name)).transpose()?;
    let ignored = options.ignore.iter().map(|name| table.column(name)).collect::<Result<BTreeSet<_>>>()?;
    let path = || table.path.to_owned();
    if let Some(index) = target.filter(|index| ignored.contains(index)) {
        return Err(Error::InvalidArgument {
            operation: "reading a table",
            argument: "the list of ignored columns",
            expected: "without the target".into(),
            actual: format!("with the column '{}'", table.header[index]),
        });
    }
    let features: Vec<usize> =
        (0..table.header.len()).filter(|index| Some(*index) != target && !ignored.contains(index)).collect();
    if features.is_empty() {
        return Err(Error::NoFeatures { path: path() });
    }

    let mut profiles: Vec<Profile> = features.iter().map(|&index| Profile::new(index)).collect();
    let mut target_profile = target.map(Profile::new);
    let mut rows = 0;
    table.rows(|line, row| {
        rows += 1;
        profiles.iter_mut().chain(&mut target_profile).try_for_each(|profile| profile.see(&table, line, row))
    })?;
    if rows < 2 {
        return Err(Error::TooFewRows { path: path(), expected: 2, actual: rows });
    }
    let mut readings =
        profiles.iter().map(|profile| profile.feature(&table)).collect::<Result<Vec<Reading>>>()?;
    let mut target_reading =
        target_profile.as_ref().map(|profile| profile.target(&table, rows, options.task)).transpose()?;
    collect_categories(
        &table,
        features.iter().zip(&mut readings).chain(target.iter().zip(&mut target_reading)),
        rows,
    )?;

    let mut values = Vec::with_capacity(rows * readings.len());
    let mut targets = Vec::with_capacity(rows);
    table.rows(|line, row| {
        for (reading, &index) in readings.iter().zip(&features) {
            values.push(reading.value(&table, index, line, row)?);
        }
        if let (Some(reading), Some(index)) = (&target_reading, target) {
            targets.push(reading.value(&table, index, line, row)?);
        }
        Ok(())
    })?;

    let columns = readings
        .into_iter()
        .zip(&features)
        .map(|(reading, &index)| Column { name: table.header[index].clone(), kind: reading.into_kind() })
        .collect();
    let target_name = target.map_or("", |index| &table.header[index]);
    let target = match target_reading {
        None => Target::None,
        Some(Reading::Number) => Target::Values { values: targets, width: 1 },
        Some(reading) => Target::Classes {
            labels: targets.into_iter().map(|label| label as i64).collect(),
            names: reading.into_names(),
        },
    };
    let title = table.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(InMemory::new(InputSchema::Columns(columns), Features::F64(values), target, target_name)?
        .with_title(&title)
        .with_source(&table.path.display().to_string()))
}

/// How the cells of a column become numbers.
enum Reading {
    Number,
    /// The position of the text among these.
    Category(BTreeMap<String, usize>),
    /// The position of the number among these, by its text.
    NumberedClass(Distinct),
}

impl Reading {
    fn value(&self, table: &Table<'_>, index: usize, line: u64, row: &Row<'_>) -> Result<f64> {
        let text = row.text(index)?;
        let position = match (self, Cell::parse(text)) {
            (Reading::Number, Cell::Number(number)) => return Ok(number),
            (Reading::Category(categories), _) => categories.get(text).copied(),
            (Reading::NumberedClass(numbers), Cell::Number(number)) => numbers.position(number).ok(),
            _ => None,
        };
        // The first pass has seen this very cell, so only a fault of this crate leads here.
        position.map(|position| position as f64).ok_or_else(|| Error::NotANumber {
            path: table.path.to_owned(),
            line,
            column: table.header[index].clone(),
            cell: text.to_owned(),
            advice: "correct the cell",
        })
    }

    fn into_names(self) -> Vec<String> {
        match self {
            Reading::Number => Vec::new(),
            Reading::Category(categories) => categories.into_keys().collect(),
            Reading::NumberedClass(numbers) => numbers.names(),
        }
    }

    fn into_kind(self) -> ColumnKind {
        match self {
            Reading::Number => ColumnKind::Numeric,
            reading => ColumnKind::Categorical { categories: reading.into_names() },
        }
    }
}

/// Fills the readings that are categories with the texts of their columns, and numbers them in their order.
fn collect_categories<'a>(
    table: &Table<'_>,
    columns: impl Iterator<Item = (&'a usize, &'a mut Reading)>,
    rows: usize,
) -> Result<()> {
    let mut open: Vec<(usize, &mut BTreeMap<String, usize>)> = columns
        .filter_map(|(&index, reading)| match reading {
            Reading::Category(categories) => Some((index, categories)),
            _ => None,
        })
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    table.rows(|_, row| {
        for (index, categories) in &mut open {
            let text = row.text(*index)?;
            if !categories.contains_key(text) {
                categories.insert(text.to_owned(), 0);
            }
        }
        Ok(())
    })?;
    for (index, categories) in open {
        let distinct = categories.len();
        if distinct > TOO_MANY_CATEGORIES && distinct > rows / 2 {
            let example = categories.keys().next().cloned().unwrap_or_default();
            let (path, column) = (table.path.to_owned(), table.header[index].clone());
            return Err(Error::IdentifierColumn { path, column, distinct, rows, example });
        }
        categories.values_mut().enumerate().for_each(|(position, value)| *value = position);
    }
    Ok(())
}

/// What the first pass finds out about a column.
struct Profile {
    index: usize,
    numbers: usize,
    texts: usize,
    first_text: Option<(u64, String)>,
    first_cell: String,
    varies: bool,
    distinct: Distinct,
}

impl Profile {
    fn new(index: usize) -> Self {
        Profile {
            index,
            numbers: 0,
            texts: 0,
            first_text: None,
            first_cell: String::new(),
            varies: false,
            distinct: Distinct::new(),
        }
    }

    fn see(&mut self, table: &Table<'_>, line: u64, row: &Row<'_>) -> Result<()> {
        let text = row.text(self.index)?;
        let cell = Cell::parse(text);
        let (path, column) = (|| table.path.to_owned(), || table.header[self.index].clone());
        match cell {
            Cell::Missing => {
                return Err(Error::MissingValue {
                    path: path(),
                    line,
                    column: column(),
                    cell: text.to_owned(),
                });
            }
            Cell::NotFinite => {
                return Err(Error::NotFinite { path: path(), line, column: column(), cell: text.to_owned() });
            }
            Cell::Number(number) => {
                self.numbers += 1;
                self.distinct.see(number);
            }
            Cell::Text(_) => {
                self.texts += 1;
                if self.first_text.is_none() {
                    self.first_text = Some((line, text.to_owned()));
                }
            }
        }
        if self.numbers + self.texts == 1 {
            self.first_cell = text.to_owned();
        }
        // The cheap comparison first: 1 and 1.0 are different texts, but one number.
        self.varies = self.varies || (text != self.first_cell && cell != Cell::parse(&self.first_cell));
        Ok(())
    }

    fn feature(&self, table: &Table<'_>) -> Result<Reading> {
        if !self.varies {
            let (column, value) = (table.header[self.index].clone(), self.first_cell.clone());
            return Err(Error::ConstantColumn { path: table.path.to_owned(), column, value });
        }
        self.numbers_or_texts(table)
    }

    fn numbers_or_texts(&self, table: &Table<'_>) -> Result<Reading> {
        match &self.first_text {
            None => Ok(Reading::Number),
            Some((line, cell)) if self.numbers > self.texts => Err(Error::NotANumber {
                path: table.path.to_owned(),
                line: *line,
                column: table.header[self.index].clone(),
                cell: cell.clone(),
                advice: "most cells of this column are numbers: correct the cell, or ignore the column",
            }),
            Some(_) => Ok(Reading::Category(BTreeMap::new())),
        }
    }

    fn target(&self, table: &Table<'_>, rows: usize, task: Task) -> Result<Reading> {
        let (path, column) = (|| table.path.to_owned(), || table.header[self.index].clone());
        let reading = match (task, &self.first_text) {
            (Task::Regress, Some((line, cell))) => {
                let advice = "correct the cell, or learn classes instead";
                return Err(Error::NotANumber {
                    path: path(),
                    line: *line,
                    column: column(),
                    cell: cell.clone(),
                    advice,
                });
            }
            (Task::Classify, Some(_)) => Reading::Category(BTreeMap::new()),
            (Task::Classify, None) => Reading::NumberedClass(self.distinct.clone()),
            (Task::Auto, None) if self.distinct.look_like_classes(rows) => {
                Reading::NumberedClass(self.distinct.clone())
            }
            (Task::Auto | Task::Regress, _) => self.numbers_or_texts(table)?,
        };
        let is_number = matches!(reading, Reading::Number);
        if !self.varies {
            let expected = if is_number { "values" } else { "classes" };
            return Err(Error::ConstantTarget {
                path: path(),
                column: column(),
                value: self.first_cell.clone(),
                expected,
            });
        }
        if matches!(reading, Reading::NumberedClass(_)) && self.distinct.too_many() {
            return Err(Error::TooManyClasses { path: path(), column: column(), most: MOST_CLASSES });
        }
        Ok(reading)
    }
}
