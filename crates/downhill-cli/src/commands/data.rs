//! `downhill data`: what can be trained on without a file.

use crate::exit::Result;
use crate::output;
use crate::report::{Table, grouped};
use clap::{Args, Subcommand};
use downhill::data::{TargetKind, embedded, generators};
use serde::Serialize;

/// Show the data sets that are built in.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill data list
  downhill data list --json")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List their names, sizes and contents
    List {
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct List {
    data: Vec<Row>,
}

/// A line of the list.
#[derive(Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    examples: Option<usize>,
    classes: Option<usize>,
    description: &'static str,
    source: &'static str,
}

/// Lists the data sets.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Command::List { json } = arguments.command;
    let rows = rows()?;
    if json {
        return output::json(&List { data: rows });
    }
    let mut table = Table::new(["name", "kind", "examples", "classes", "what it is"], 2..4);
    for row in &rows {
        let examples = row.examples.map_or_else(|| "any".into(), |count| grouped(count as u64));
        let classes = row.classes.map_or_else(|| "-".into(), |count| grouped(count as u64));
        table.row([row.name.clone(), row.kind.into(), examples, classes, row.description.into()]);
    }
    output::text(&format!(
        "{table}\n\
         Of generated data --examples and --noise say how much there is and how far it strays.\n\
         Beside these: a CSV file with --target COLUMN, and mnist with --data DIRECTORY.\n"
    ))
}

fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in embedded::ALL {
        let data = embedded::load(entry.name)?;
        rows.push(Row {
            name: entry.name.replace('_', "-"),
            kind: "embedded",
            examples: Some(data.len()),
            classes: classes(data.target_kind()),
            description: entry.description,
            source: entry.source,
        });
    }
    for entry in generators::ALL {
        rows.push(Row {
            name: entry.name.replace('_', "-"),
            kind: "generated",
            examples: None,
            classes: classes(generators::generate(entry.name, 10, 0.0, 0)?.target_kind()),
            description: entry.description,
            source: "a formula",
        });
    }
    Ok(rows)
}

fn classes(kind: TargetKind) -> Option<usize> {
    match kind {
        TargetKind::Classes { count } => Some(count),
        _ => None,
    }
}
