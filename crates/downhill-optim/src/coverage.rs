//! What this crate offers by name, and what each of it is held to: for tables of coverage.

use crate::{OptimizerConfig, Schedule};

/// One thing with a name, and the numbers that it must agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// `optimizer`, `schedule`, `clipping` or `wrapper`.
    pub kind: &'static str,
    /// Its name in snake_case.
    pub name: &'static str,
    /// The file of frozen numbers, in `tests/oracles`; empty where a test needs none.
    pub oracle: &'static str,
    /// The test that compares, as `file::test` in `tests`.
    pub test: &'static str,
}

/// All of it. A test fails where the oracle has no case for a name.
pub fn rows() -> impl Iterator<Item = Covered> {
    let row = |kind, oracle, test| move |name| Covered { kind, name, oracle, test };
    let optimizers = OptimizerConfig::names().map(row(
        "optimizer",
        "optimizers.json",
        "optimizers::every_optimizer_walks_where_its_oracle_walks",
    ));
    let schedules = Schedule::NAMES.iter().filter(|&&name| name != "function").copied().map(row(
        "schedule",
        "schedules.json",
        "schedules::every_schedule_gives_the_rates_of_its_oracle",
    ));
    let function = ["function"].map(row("schedule", "", "schedules::a_function_gives_what_it_returns"));
    let plateau = ["reduce_on_plateau"].map(row(
        "schedule",
        "schedules.json",
        "schedules::the_plateau_gives_the_rates_of_pytorch",
    ));
    let clipping = ["norms", "values", "adaptive"].map(row(
        "clipping",
        "clipping.json",
        "wrappers::clipping_gives_the_gradients_of_its_oracles",
    ));
    let averages =
        ["averages"].map(row("wrapper", "wrappers.json", "wrappers::averages_are_those_of_pytorch"));
    let sharpness = ["sharpness_aware"].map(row(
        "wrapper",
        "wrappers.json",
        "wrappers::sharpness_aware_steps_go_where_optax_goes",
    ));
    let momentum = ["cycled_momentum"].map(row(
        "wrapper",
        "wrappers.json",
        "wrappers::a_cycled_momentum_goes_where_pytorch_goes",
    ));
    let rows = ["rows"].map(row("wrapper", "rows.json", "rows::rows_move_as_pytorch_moves_them"));
    let parts = function
        .into_iter()
        .chain(plateau)
        .chain(clipping)
        .chain(averages)
        .chain(sharpness)
        .chain(momentum)
        .chain(rows);
    optimizers.chain(schedules).chain(parts)
}
