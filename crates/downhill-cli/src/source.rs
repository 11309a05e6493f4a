//! What there is to learn from: data sets by name, generators, MNIST, tables.

use crate::exit::{Error, Result};
use crate::run_config::Origin;
use clap::{Args, ValueEnum};
use downhill::data::{
    self, CsvOptions, InMemory, PartSize, Schema, TargetUse, Task, csv, embedded, generators,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const MNIST: &str = "mnist";
const EXAMPLES: usize = 1000;
const NOISE: f64 = 0.1;

/// Which data to use.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceArguments {
    /// A name from `downhill data list`, a CSV file, or `mnist`
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    #[serde(flatten)]
    details: SourceDetails,
}

/// Which data to use instead of that which a run was trained on.
#[derive(Args, Clone, Debug, Default)]
pub struct OtherSourceArguments {
    /// Other data than that of the run: a name from `downhill data list`, a CSV file, or `mnist`
    #[arg(value_name = "DATA")]
    source: Option<String>,
    #[command(flatten)]
    details: SourceDetails,
}

/// What some sources need to be told.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct SourceDetails {
    /// The directory with the four files of MNIST
    #[arg(long, value_name = "DIRECTORY")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// How many examples to generate [default: 1000]
    #[arg(long, value_name = "N")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    examples: Option<usize>,
    /// How far generated examples stray: a standard deviation [default: 0.1]
    #[arg(long, value_name = "DEVIATION")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<f64>,
}

/// How to read a table that nothing is known about yet.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableArguments {
    /// The column of a CSV file that is to be learned
    #[arg(long, value_name = "COLUMN")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// A column of a CSV file to leave out; may be given several times
    #[arg(long, value_name = "COLUMN")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore: Vec<String>,
    /// Whether the target of a CSV file is a class or a number
    #[arg(long, value_enum, default_value_t)]
    #[serde(default, skip_serializing_if = "TaskName::is_auto")]
    task: TaskName,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TaskName {
    /// Decided by the contents: texts are classes, and so are few whole numbers that repeat
    #[default]
    Auto,
    /// Classes
    Classify,
    /// Numbers
    Regress,
}

/// A source that exists as far as its name says.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    Embedded(String),
    Generated { name: String, examples: usize, noise: f64 },
    Mnist(PathBuf),
    Table(PathBuf),
}

/// Data to train with, in its parts.
pub struct Parts {
    /// A short name, also for the run.
    pub name: String,
    /// What is learned from.
    pub train: InMemory,
    /// What is held out of it to choose the best epoch by.
    pub validation: Option<InMemory>,
    /// What takes no part in the training at all.
    pub test: Option<InMemory>,
    /// How to have the same parts again.
    pub origin: Origin,
}

/// The share of the data that is held out where nothing else is said.
const USUAL_VALIDATION: f64 = 0.2;

/// All that there is of a source, before anything is held out.
struct Whole {
    data: InMemory,
    test: Option<InMemory>,
    /// The share to hold out where nothing else is said.
    usual: f64,
}

impl TaskName {
    fn is_auto(&self) -> bool {
        *self == TaskName::Auto
    }
}

impl OtherSourceArguments {
    /// The source of this name without further arguments.
    #[cfg(test)]
    pub fn of(name: &str) -> Self {
        OtherSourceArguments { source: Some(name.into()), ..Default::default() }
    }

    /// The data, if any was named.
    ///
    /// # Errors
    /// Details of no data.
    pub fn named(&self) -> Result<Option<SourceArguments>> {
        let OtherSourceArguments { source, details } = self;
        match source {
            Some(source) => Ok(Some(SourceArguments { source: source.clone(), details: details.clone() })),
            None if *details != SourceDetails::default() => Err(Error::Usage(
                "--data, --examples and --noise say more about DATA, and there is none; name it after the run"
                    .into(),
            )),
            None => Ok(None),
        }
    }
}

impl SourceArguments {
    /// The source of this name without further arguments.
    pub fn named(name: &str) -> Self {
        SourceArguments { source: name.into(), ..Default::default() }
    }

    /// The arguments as words of a command line that names the same data.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.source.clone()];
        let mut option = |name: &str, value: Option<String>| {
            words.extend(value.map(|value| [format!("--{name}"), value]).into_iter().flatten());
        };
        let SourceDetails { data, examples, noise } = &self.details;
        option("data", data.as_ref().map(|path| path.display().to_string()));
        option("examples", examples.map(|examples| examples.to_string()));
        option("noise", noise.map(|noise| noise.to_string()));
        words
    }

    /// Whether this is a file, of which a prediction can be made as it is.
    pub fn file(&self) -> Option<&str> {
        matches!(self.resolve(), Ok(Source::Table(_))).then_some(&self.source)
    }

    fn resolve(&self) -> Result<Source> {
        let source = self.identify()?;
        let only_for = |flag: &str, given: bool, fits: bool, what: &str| {
            if given && !fits {
                Err(Error::Usage(format!("--{flag} is for {what}; '{}' takes none", self.source)))
            } else {
                Ok(())
            }
        };
        let generated = matches!(source, Source::Generated { .. });
        let SourceDetails { data, examples, noise } = &self.details;
        only_for("data", data.is_some(), matches!(source, Source::Mnist(_)), "mnist")?;
        only_for("examples", examples.is_some(), generated, "generated data")?;
        only_for("noise", noise.is_some(), generated, "generated data")?;
        Ok(source)
    }

    fn identify(&self) -> Result<Source> {
        let normal = self.source.to_lowercase().replace('-', "_");
        let SourceDetails { data, examples, noise } = &self.details;
        if embedded::names().contains(&normal.as_str()) {
            return Ok(Source::Embedded(normal));
        }
        if generators::names().contains(&normal.as_str()) {
            let (examples, noise) = (examples.unwrap_or(EXAMPLES), noise.unwrap_or(NOISE));
            return Ok(Source::Generated { name: normal, examples, noise });
        }
        if normal == MNIST {
            return match data {
                Some(directory) => Ok(Source::Mnist(directory.clone())),
                None => Err(Error::Usage(
                    "mnist needs --data DIRECTORY, where its four files are (train-images-idx3-ubyte, \
                     train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, with or \
                     without .gz)"
                        .into(),
                )),
            };
        }
        let path = PathBuf::from(&self.source);
        // What looks like a file and is none is reported as a missing file when it is read.
        if path.exists() || self.source.contains(['.', '/', '\\']) {
            return Ok(Source::Table(path));
        }
        let names: Vec<_> = embedded::names().into_iter().chain(generators::names()).collect();
        Err(Error::Usage(format!(
            "there is no data set '{}' and no file of that name; the data sets are {}, {MNIST}",
            self.source,
            names.join(", ").replace('_', "-")
        )))
    }

    /// Reads the data to train with, and holds out a part.
    ///
    /// `validation` is the share to hold out, `None` the usual one: a fifth, and nothing of a collection that
    /// has a test part.
    pub fn parts(&self, table: &TableArguments, validation: Option<f64>, seed: u64) -> Result<Parts> {
        let source = self.resolve()?;
        if !matches!(source, Source::Table(_)) && *table != TableArguments::default() {
            return Err(Error::Usage(format!(
                "--target, --ignore and --task are for CSV files; '{}' has its target already",
                self.source
            )));
        }
        let Whole { data, test, usual } =
            source.read(seed, |path| Ok(csv::read(path, &table.options(path)?)?))?;
        let share = validation.unwrap_or(usual);
        let (train, validation) = hold_out(data, share, seed)?;
        let origin = Origin::new(self, table, share, &train, validation.as_ref());
        Ok(Parts { name: source.name(), train, validation, test, origin })
    }

    /// Reads data for a model whose training data had this form, and holds out a share of it.
    pub fn parts_of_form(&self, schema: &Schema, share: f64, seed: u64) -> Result<Parts> {
        let source = self.resolve()?;
        let Whole { data, test, .. } = source.read(seed, |path| of_form(path, schema))?;
        let (train, validation) = hold_out(data, share, seed)?;
        let origin = Origin::new(self, &TableArguments::default(), share, &train, validation.as_ref());
        Ok(Parts { name: source.name(), train, validation, test, origin })
    }

    /// Reads data to evaluate a model with whose training data had this form: of a collection with a test
    /// part that part, of others all.
    pub fn whole(&self, schema: &Schema, seed: u64) -> Result<InMemory> {
        let Whole { data, test, .. } = self.resolve()?.read(seed, |path| of_form(path, schema))?;
        Ok(test.unwrap_or(data))
    }

    /// Whether the details can be written as text.
    pub fn is_text(&self) -> bool {
        self.details.data.as_ref().is_none_or(|path| path.to_str().is_some())
    }
}

/// A table in the form of a model's training data.
fn of_form(path: &Path, schema: &Schema) -> Result<InMemory> {
    Ok(csv::read_with_schema(path, schema, TargetUse::Required)?)
}

/// What is left of the data, and the share of it that is held out.
fn hold_out(data: InMemory, share: f64, seed: u64) -> Result<(InMemory, Option<InMemory>)> {
    if share == 0.0 {
        return Ok((data, None));
    }
    let (train, validation) = data.split(PartSize::Fraction(share), seed)?;
    Ok((train, Some(validation)))
}

impl Source {
    /// Reads all of it; a table by `table`.
    fn read(&self, seed: u64, table: impl FnOnce(&Path) -> Result<InMemory>) -> Result<Whole> {
        let alone = |data| Whole { data, test: None, usual: USUAL_VALIDATION };
        Ok(match self {
            Source::Embedded(name) => alone(embedded::load(name)?),
            Source::Generated { name, examples, noise } => {
                alone(generators::generate(name, *examples, *noise, seed)?)
            }
            Source::Mnist(directory) => {
                let mnist = data::mnist(directory)?;
                Whole { data: mnist.train, test: Some(mnist.test), usual: 0.0 }
            }
            Source::Table(path) => alone(table(path)?),
        })
    }

    fn name(&self) -> String {
        match self {
            Source::Embedded(name) | Source::Generated { name, .. } => name.replace('_', "-"),
            Source::Mnist(_) => MNIST.into(),
            Source::Table(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let name = name.strip_suffix(".gz").unwrap_or(&name);
                name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
            }
        }
    }
}

impl TableArguments {
    /// The arguments as words of a command line that reads the table in the same way.
    pub fn words(&self) -> Vec<String> {
        let target = self.target.iter().flat_map(|target| ["--target".to_owned(), target.clone()]);
        let ignore = self.ignore.iter().flat_map(|column| ["--ignore".to_owned(), column.clone()]);
        let task = match self.task {
            TaskName::Auto => None,
            TaskName::Classify => Some("classify"),
            TaskName::Regress => Some("regress"),
        };
        let task = task.into_iter().flat_map(|task| ["--task".to_owned(), task.to_owned()]);
        target.chain(ignore).chain(task).collect()
    }

    /// The same with the kind of the target that a model takes, if no other was asked for.
    pub fn of_kind(&self, classes: bool) -> Self {
        let mut table = self.clone();
        if self.target.is_some() && self.task == TaskName::Auto {
            table.task = if classes { TaskName::Classify } else { TaskName::Regress };
        }
        table
    }

    fn options(&self, path: &Path) -> Result<CsvOptions> {
        let Some(target) = &self.target else {
            let columns = csv::column_names(path)?;
            return Err(Error::Usage(format!(
                "{}: which column is to be learned? Name it with --target; the columns are {}",
                path.display(),
                columns.join(", ")
            )));
        };
        let task = match self.task {
            TaskName::Auto => Task::Auto,
            TaskName::Classify => Task::Classify,
            TaskName::Regress => Task::Regress,
        };
        Ok(CsvOptions { ignore: self.ignore.clone(), ..CsvOptions::new(target) }.task(task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_with_hyphens_and_in_capitals() {
        let source = SourceArguments::named("Breast-Cancer").resolve().unwrap();
        assert_eq!(source, Source::Embedded("breast_cancer".into()));
        assert_eq!(source.name(), "breast-cancer");
    }

    #[test]
    fn a_table_gives_its_run_the_name_of_the_file() {
        assert_eq!(Source::Table("a/house prices.csv.gz".into()).name(), "house prices");
        assert_eq!(Source::Table("plain".into()).name(), "plain");
    }

    #[test]
    fn an_option_for_other_data_is_refused_not_passed_over() {
        let mut source = SourceArguments::named("iris");
        source.details.noise = Some(0.5);
        assert!(source.resolve().unwrap_err().to_string().starts_with("--noise is for generated data"));
        let table = TableArguments { target: Some("x".into()), ..Default::default() };
        assert!(SourceArguments::named("iris").parts(&table, None, 0).is_err());
    }

    #[test]
    fn the_test_part_of_a_split_is_named_by_words_again() {
        let mut source = SourceArguments::named("moons");
        source.details.examples = Some(50);
        assert_eq!(source.words(), ["moons", "--examples", "50"]);
    }
}
