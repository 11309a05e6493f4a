//! The program as a person meets it: what it prints, where, with which exit code, and what it leaves behind.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic, also in its helpers")]

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/diagnose.rs"]
mod diagnose;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/faq.rs"]
mod faq;
#[path = "cli/interrupt.rs"]
mod interrupt;
#[path = "cli/landscape.rs"]
mod landscape;
#[path = "cli/lr_find.rs"]
mod lr_find;
#[path = "cli/minimize.rs"]
mod minimize;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/race.rs"]
mod race;
#[path = "cli/regress.rs"]
mod regress;
#[path = "cli/report.rs"]
mod report;
#[path = "cli/training.rs"]
mod training;
