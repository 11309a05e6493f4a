//! What there is to learn from: data sets by name, generators, MNIST, tables.

use crate::exit::{Error, Result};
use clap::{Args, ValueEnum};
use downhill::data::{
    self, CsvOptions, InMemory, PartSize, Schema, TargetUse, Task, csv, embedded, generators,
};
use std::path::{Path, PathBuf};

const MNIST: &str = "mnist";
const EXAMPLES: usize = 1000;
const NOISE: f64 = 0.1;

/// Which data to use.
#[derive(Args, Clone, Debug, Default)]
pub struct SourceArguments {
    /// A name from `downhill data list`, a CSV file, or `mnist`
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The directory with the four files of MNIST
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// How many examples to generate [default: 1000]
    #[arg(long, value_name = "N")]
    examples: Option<usize>,
    /// How far generated examples stray: a standard deviation [default: 0.1]
    #[arg(long, value_name = "DEVIATION")]
    noise: Option<f64>,
}

/// How to read a table that nothing is known about yet.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct TableArguments {
    /// The column of a CSV file that is to be learned
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// A column of a CSV file to leave out; may be given several times
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// Whether the target of a CSV file is a class or a number
    #[arg(long, value_enum, default_value_t)]
    task: TaskName,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
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
        option("data", self.data.as_ref().map(|path| path.display().to_string()));
        option("examples", self.examples.map(|examples| examples.to_string()));
        option("noise", self.noise.map(|noise| noise.to_string()));
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
        only_for("data", self.data.is_some(), matches!(source, Source::Mnist(_)), "mnist")?;
        only_for("examples", self.examples.is_some(), generated, "generated data")?;
        only_for("noise", self.noise.is_some(), generated, "generated data")?;
        Ok(source)
    }

    fn identify(&self) -> Result<Source> {
        let normal = self.source.to_lowercase().replace('-', "_");
        if embedded::names().contains(&normal.as_str()) {
            return Ok(Source::Embedded(normal));
        }
        if generators::names().contains(&normal.as_str()) {
            let (examples, noise) = (self.examples.unwrap_or(EXAMPLES), self.noise.unwrap_or(NOISE));
            return Ok(Source::Generated { name: normal, examples, noise });
        }
        if normal == MNIST {
            return match &self.data {
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
        const USUAL: f64 = 0.2;
        let source = self.resolve()?;
        if !matches!(source, Source::Table(_)) && *table != TableArguments::default() {
            return Err(Error::Usage(format!(
                "--target, --ignore and --task are for CSV files; '{}' has its target already",
                self.source
            )));
        }
        let (whole, test, usual) = match &source {
            Source::Embedded(name) => (embedded::load(name)?, None, USUAL),
            Source::Generated { name, examples, noise } => {
                (generators::generate(name, *examples, *noise, seed)?, None, USUAL)
            }
            Source::Mnist(directory) => {
                let mnist = data::mnist(directory)?;
                (mnist.train, Some(mnist.test), 0.0)
            }
            Source::Table(path) => (csv::read(path, &table.options(path)?)?, None, USUAL),
        };
        let (train, validation) = match validation.unwrap_or(usual) {
            0.0 => (whole, None),
            share => {
                let (train, validation) = whole.split(PartSize::Fraction(share), seed)?;
                (train, Some(validation))
            }
        };
        Ok(Parts { name: source.name(), train, validation, test })
    }

    /// Reads data to evaluate a model with whose training data had this form: of a collection with a test
    /// part that part, of others all.
    pub fn whole(&self, schema: &Schema, seed: u64) -> Result<InMemory> {
        Ok(match self.resolve()? {
            Source::Embedded(name) => embedded::load(&name)?,
            Source::Generated { name, examples, noise } => {
                generators::generate(&name, examples, noise, seed)?
            }
            Source::Mnist(directory) => data::mnist(&directory)?.test,
            Source::Table(path) => csv::read_with_schema(&path, schema, TargetUse::Required)?,
        })
    }
}

impl Source {
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
        source.noise = Some(0.5);
        assert!(source.resolve().unwrap_err().to_string().starts_with("--noise is for generated data"));
        let table = TableArguments { target: Some("x".into()), ..Default::default() };
        assert!(SourceArguments::named("iris").parts(&table, None, 0).is_err());
    }

    #[test]
    fn the_test_part_of_a_split_is_named_by_words_again() {
        let mut source = SourceArguments::named("moons");
        source.examples = Some(50);
        assert_eq!(source.words(), ["moons", "--examples", "50"]);
    }
}
