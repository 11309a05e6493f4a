//! What holds each thing with a name: `docs/coverage.md`, derived from the registries, the frozen files and the
//! sources. A thing that nothing holds fails here, and so does a table that is no longer true.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "coverage/sources.rs"]
mod sources;

use downhill_nn::{Activation, AnyLayer, Init, Loss};
use downhill_optim::coverage::Covered;
use serde_json::Value;
use sources::{body, cases, count_cases, files, oracle, properties, test, text, top};
use std::collections::BTreeMap;
use std::fmt::Write;

const TABLE: &str = "docs/coverage.md";

const BEGINNING: &str = "# What holds what

This file is derived from the registries of the crates, their frozen files and the sources of their tests; it is not
written by hand. A test fails where it is no longer true, or where something has neither an oracle nor a reason why
not. To write it anew:

```sh
cargo test -p downhill --test coverage -- --ignored write
```
";

/// A table with a head.
struct Table {
    title: String,
    /// What holds all of it.
    above: Vec<String>,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(title: &str, columns: &[&'static str]) -> Self {
        Table { title: title.into(), above: Vec::new(), columns: columns.to_vec(), rows: Vec::new() }
    }

    fn above(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.above.extend(lines);
        self
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "{}: {cells:?}", self.title);
        self.rows.push(cells);
    }

    fn write(&self, out: &mut String) {
        write!(out, "\n## {}\n\n", self.title).unwrap();
        self.above.iter().for_each(|line| writeln!(out, "- {line}").unwrap());
        if !self.above.is_empty() {
            out.push('\n');
        }
        writeln!(out, "| {} |\n|{}", self.columns.join(" | "), "---|".repeat(self.columns.len())).unwrap();
        self.rows.iter().for_each(|row| writeln!(out, "| {} |", row.join(" | ")).unwrap());
    }
}

fn yes(held: bool) -> String {
    if held { "yes" } else { "" }.into()
}

/// A count of frozen cases, or the reason why there is none; neither fails.
fn held(what: &str, count: usize, instead: Option<&str>) -> String {
    match (count, instead) {
        (0, None) => panic!("{what} has neither a frozen case nor a reason why not"),
        (0, Some(reason)) => format!("none: {reason}"),
        (count, _) => count.to_string(),
    }
}

/// How many cases there are of each name, by what each case says of itself.
fn count_by(cases: &[Value], name: impl Fn(&Value) -> String) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    cases.iter().for_each(|case| *counts.entry(name(case)).or_default() += 1);
    counts
}

/// The name of a value with or without options: a word, or the only key.
fn kind(written: &Value) -> String {
    let only = || written.as_object().and_then(|fields| fields.keys().next());
    written.as_str().or_else(|| Some(only()?.as_str())).unwrap_or_default().to_owned()
}

/// The numbers of cases, crate by crate.
fn in_numbers() -> Table {
    let columns = ["crate", "frozen files", "frozen cases", "properties", "cases of properties in a run"];
    let mut table = Table::new("In numbers", &columns);
    let mut crates: Vec<_> = std::fs::read_dir(top().join("crates")).unwrap().flatten().collect();
    crates.sort_by_key(|entry| entry.file_name());
    let mut sums = [0; 4];
    for entry in crates {
        let folder = entry.path();
        let frozen = |ending| files(&folder.join("tests/oracles"), ending);
        let (json, arrays) = (frozen("json"), frozen("npy"));
        let count = |path: &std::path::PathBuf| {
            let count = count_cases(&serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap());
            assert!(count > 0, "no cases found in {}", path.display());
            count
        };
        // A file of NumPy's is a case.
        let frozen_cases = json.iter().map(count).sum::<usize>() + arrays.len();
        let sources = ["src", "tests"].map(|part| files(&folder.join(part), "rs")).concat();
        let found = sources.iter().map(|path| properties(&std::fs::read_to_string(path).unwrap()));
        let (tried, cases) = found.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let numbers = [json.len() + arrays.len(), frozen_cases, tried, cases];
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        if numbers != [0; 4] {
            let name = entry.file_name().to_string_lossy().into_owned();
            table.row(std::iter::once(format!("`{name}`")).chain(numbers.map(|n| n.to_string())));
        }
    }
    table.row(std::iter::once("all".to_owned()).chain(sums.map(|n| n.to_string())));
    table
}

fn whole_runs() -> Table {
    let mut table =
        Table::new("Whole training runs against PyTorch", &["run", "steps", "precision", "held by"]);
    let (runs, losses) = ("crates/downhill-train/tests/runs.rs", "crates/downhill-train/tests/pytorch.rs");
    let tests = |path: &str| text(path).matches("#[test]").count();
    let file = oracle("crates/downhill-train/tests/oracles/runs.json");
    let double = file["runs"].as_object().unwrap();
    assert_eq!(double.len(), tests(runs), "a test for each run");
    for (name, run) in double {
        let steps = run["losses"].as_array().unwrap().len().to_string();
        table.row([name.clone(), steps, "double, by interpreter and engine".into(), format!("`{runs}`")]);
    }
    let file = oracle("crates/downhill-train/tests/oracles/losses.json");
    let single = file["losses"].as_object().unwrap();
    assert_eq!(single.len(), tests(losses), "a test for each run");
    for (name, run) in single {
        let steps = run.as_array().unwrap().len().to_string();
        table.row([name.clone(), steps, "single, by the engine".into(), format!("`{losses}`")]);
    }
    table
}

fn operations() -> Table {
    let counts = count_by(&cases("crates/downhill-autograd/tests/oracles/operations.json"), |case| {
        kind(&case["operation"])
    });
    let rows = downhill_autograd::testing::coverage();
    let (own, engine) = (
        "crates/downhill-autograd/tests/operations.rs",
        "crates/downhill-engine/tests/against_interpreter.rs",
    );
    // What the registry calls each comparison, and the test that makes it.
    let comparisons = [
        (
            "finite differences, first and second order",
            test(own, "gradients_agree_with_finite_differences_in_first_and_second_order"),
        ),
        (
            "forward against reverse mode at ties and extremes",
            test(own, "forward_and_reverse_mode_agree_at_ties_zeros_and_extremes"),
        ),
        (
            "tangent 0, and an error for a gradient",
            test(own, "operations_that_are_flat_by_nature_have_tangent_zero_and_an_error_for_a_gradient"),
        ),
        ("f32 against f64", test(own, "single_precision_agrees_with_double_within_the_stated_bound")),
        ("engine against interpreter", test(engine, "every_operation_agrees_with_the_interpreter")),
        (
            "batch against examples",
            test(
                "crates/downhill-autograd/tests/vmap.rs",
                "a_batch_of_every_operation_and_its_gradient_is_its_examples_one_by_one",
            ),
        ),
    ];
    let pytorch = test(
        "crates/downhill-autograd/tests/oracles.rs",
        "outputs_and_gradients_are_those_of_pytorch_in_double_precision",
    );
    let known =
        |check: &str| check == "PyTorch, output and gradient" || comparisons.iter().any(|(c, _)| *c == check);
    let mut columns = vec!["operation", "cases of PyTorch"];
    columns.extend(comparisons.iter().map(|(name, _)| *name));
    let above =
        std::iter::once(("cases of PyTorch", &pytorch)).chain(comparisons.iter().map(|(c, t)| (*c, t)));
    let mut table = Table::new(&format!("Operations: {}", rows.len()), &columns)
        .above(above.map(|(name, test)| format!("{name}: {test}")));
    for row in rows {
        let unknown: Vec<_> = row.checks.iter().filter(|check| !known(check)).collect();
        assert!(unknown.is_empty(), "say here which test makes these comparisons: {unknown:?}");
        let count = counts.get(row.operation).copied().unwrap_or(0);
        let oracle = held(row.operation, count, row.instead_of_oracle);
        let checks = comparisons.iter().map(|(name, _)| yes(row.checks.contains(name)));
        table.row([format!("`{}`", row.operation), oracle].into_iter().chain(checks));
    }
    table
}

/// What carries out the cases of `downhill-nn` by the engine.
fn by_engine(module: &str) -> String {
    let path = "crates/downhill-train/tests/oracles_by_engine.rs";
    let line = format!("#[path = \"../../downhill-nn/tests/pytorch/{module}.rs\"]");
    assert!(text(path).contains(&line), "{path} no longer carries out {module}");
    format!("the same by the engine: `{path}`")
}

fn layers() -> Table {
    let counts =
        count_by(&cases("crates/downhill-nn/tests/oracles/layers.json"), |case| kind(&case["layer"]));
    let every = "crates/downhill-nn/tests/every_layer.rs";
    let differences = "derivatives_agree_with_finite_differences_to_second_order";
    // The layers that the test leaves out, in its own words.
    let tested = body(every, differences);
    let (_, list) = tested.split_once("if ![").unwrap();
    let (list, _) = list.split_once("].contains(&layer.name())").unwrap();
    let left_out: Vec<&str> = list.split(", ").map(|name| name.trim_matches('"')).collect();
    assert!(left_out.iter().all(|name| AnyLayer::NAMES.contains(name)), "{left_out:?}");
    let columns = ["layer", "cases of PyTorch", "finite differences, first and second order"];
    let pytorch = test(
        "crates/downhill-nn/tests/pytorch/layers.rs",
        "outputs_and_vector_jacobian_products_are_those_of_pytorch",
    );
    let mut table = Table::new(&format!("Layers: {}", AnyLayer::NAMES.len()), &columns).above([
        format!("cases of PyTorch: {pytorch}"),
        by_engine("layers"),
        format!("finite differences: {}", test(every, differences)),
        format!(
            "each: {}, {}, {}, {}",
            test(every, "in_inference_every_sample_has_its_own_result_in_whatever_order_they_come"),
            test(every, "a_layer_that_was_written_and_read_is_the_same"),
            test(every, "numbers_beyond_all_measure_in_a_description_are_errors_and_not_panics"),
            "and wrong shapes as a property"
        ),
    ]);
    for name in AnyLayer::NAMES {
        let second = match left_out.contains(name) {
            true => "no: it keeps the gradient from what its result depends on".into(),
            false => yes(true),
        };
        let count = counts.get(*name).copied().unwrap_or(0);
        table.row([format!("`{name}`"), held(name, count, None), second]);
    }
    table
}

fn activations() -> Table {
    let path = "crates/downhill-nn/tests/oracles/activations.json";
    let counts = count_by(&cases(path), |case| {
        serde_json::from_value::<Activation>(case["activation"].clone()).unwrap().name().to_owned()
    });
    let every = "crates/downhill-nn/tests/every_layer.rs";
    let differences = "derivatives_agree_with_finite_differences_to_second_order";
    assert!(body(every, differences).contains("for activation in Activation::ALL"));
    let pytorch = test(
        "crates/downhill-nn/tests/pytorch/activations.rs",
        "values_and_derivatives_are_those_of_pytorch",
    );
    let far = test(
        "crates/downhill-nn/tests/pytorch/activations.rs",
        "in_single_precision_all_are_finite_with_finite_derivatives_at_ten_thousand",
    );
    let title = format!("Activations: {}", Activation::ALL.len());
    let mut table = Table::new(&title, &["activation", "cases of PyTorch"]).above([
        format!("cases of PyTorch, in both precisions: {pytorch}"),
        by_engine("activations"),
        format!("finite differences, first and second order, of each: {}", test(every, differences)),
        format!("far out, of each: {far}"),
    ]);
    for activation in Activation::ALL {
        let name = activation.name();
        table.row([format!("`{name}`"), held(name, counts.get(name).copied().unwrap_or(0), None)]);
    }
    table
}

fn losses() -> Table {
    // Cross entropy with a smoothing of its labels is a row of its own.
    let name = |case: &Value| match !case["options"]["label_smoothing"].is_null() {
        true => format!("smoothed_{}", kind(&case["loss"])),
        false => kind(&case["loss"]),
    };
    let counts = count_by(&cases("crates/downhill-nn/tests/oracles/losses.json"), name);
    let path = "crates/downhill-nn/tests/losses.rs";
    let differences = "derivatives_agree_with_finite_differences";
    let tested = body(path, differences);
    // As it is written there: the variant of the enum, or the function or struct of that name.
    let is_tested = |name: &str| match Loss::ALL.iter().find(|loss| loss.name() == name) {
        Some(loss) => {
            let debug = format!("{loss:?}");
            let variant = debug.split([' ', '(']).next().unwrap_or_default().to_owned();
            [",", ";", " {", "."].iter().any(|end| tested.contains(&format!("Loss::{variant}{end}")))
        }
        None => tested.contains(&format!("{name}(")) || (name == "ctc" && tested.contains("Ctc::")),
    };
    let names = downhill_nn::losses::names();
    let pytorch =
        test("crates/downhill-nn/tests/pytorch/losses.rs", "values_and_gradients_are_those_of_pytorch");
    let extremes = "in_single_precision_every_loss_is_finite_with_a_finite_gradient_at_ten_thousand";
    let columns = ["loss", "cases of PyTorch, all reductions", "finite differences"];
    let mut table = Table::new(&format!("Losses: {}", names.len()), &columns).above([
        format!("cases of PyTorch: {pytorch}"),
        by_engine("losses"),
        format!("finite differences: {}", test(path, differences)),
        format!("far out, of each: {}", test(path, extremes)),
    ]);
    for name in names {
        let count = counts.get(name).copied().unwrap_or(0);
        table.row([format!("`{name}`"), held(name, count, None), yes(is_tested(name))]);
    }
    table
}

fn initializers() -> Table {
    let path = "crates/downhill-nn/src/init/tests.rs";
    let moments = "every_distribution_has_its_mean_its_spread_and_its_bounds";
    // The test of the moments lists those that have a structure instead, and fails for one that is in neither list.
    let tested = body(path, moments);
    let (_, list) = tested.split_once("let structured = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let structured: Vec<&str> = list.split(", ").map(|name| name.trim_matches('"')).collect();
    let structure = |name: &str| match name {
        "Zeros" | "Ones" | "Constant" => "constants_are_what_they_say",
        "Orthogonal" => "orthogonal_matrices_have_orthonormal_rows_or_columns",
        "Identity" | "Dirac" => "the_identity_and_its_convolution_pass_things_through",
        "Sparse" => "sparse_matrices_have_as_many_zeros_in_the_outputs_of_each_input",
        other => panic!("{other} has a structure: say here which test looks at it"),
    };
    let all = "every_initializer_fills_all_of_its_shape_and_depends_on_its_key_alone";
    let mut table = Table::new(&format!("Initializers: {}", Init::ALL.len()), &["initializer", "held by"]).above([
        "numbers are drawn from downhill's own streams, so that there are none to freeze: what is known of them is held"
            .into(),
        format!("each: {}", test(path, all)),
    ]);
    for init in Init::ALL {
        let name = init.name();
        let by = if structured.contains(&name) { structure(name) } else { moments };
        if by != moments {
            assert!(
                body(path, by).contains(&format!("Init::{name}")) || name == "Orthogonal",
                "{by} without {name}"
            );
        }
        table.row([format!("`{name}`"), test(path, by)]);
    }
    table
}

/// What `downhill-optim` says of itself.
fn optimizers_and_schedules() -> Vec<Table> {
    let folder = "crates/downhill-optim/tests";
    let mut tables: Vec<(&'static str, Vec<Covered>)> = Vec::new();
    for row in downhill_optim::coverage::rows() {
        match tables.iter_mut().find(|(kind, _)| *kind == row.kind) {
            Some((_, rows)) => rows.push(row),
            None => tables.push((row.kind, vec![row])),
        }
    }
    let all = cases(&format!("{folder}/oracles/optimizers.json"));
    let walks = |row: &Covered| {
        let rule = downhill_optim::OptimizerConfig::from_name(row.name).unwrap();
        let rule = kind(&serde_json::to_value(rule).unwrap());
        all.iter().filter(|case| kind(&case["config"]) == rule).count()
    };
    let rates = count_by(&cases(&format!("{folder}/oracles/schedules.json")), |case| kind(&case["schedule"]));
    let count = |row: &Covered| match row.kind {
        "optimizer" => walks(row),
        "schedule" if row.name == "reduce_on_plateau" => {
            oracle(&format!("{folder}/oracles/{}", row.oracle))["plateaus"].as_array().map_or(0, Vec::len)
        }
        "schedule" => rates.get(row.name).copied().unwrap_or(0),
        _ if row.oracle.is_empty() => 0,
        _ => {
            let file = oracle(&format!("{folder}/oracles/{}", row.oracle));
            let part = if row.name == "rows" { &file["cases"] } else { &file[row.name] };
            part.as_array()
                .or_else(|| part["cases"].as_array())
                .map_or(usize::from(part.is_object()), Vec::len)
        }
    };
    let table = |(kind, rows): (&'static str, Vec<Covered>)| {
        let plural = if kind == "clipping" { "Clipping".into() } else { format!("{}s", capital(kind)) };
        let title = format!("{plural}: {}", rows.len());
        let mut table = Table::new(&title, &[kind, "frozen cases", "file", "held by"]);
        for row in rows {
            let (file, name) = row.test.split_once("::").unwrap();
            let instead = row.oracle.is_empty().then_some("it is the user's own function");
            let oracle = if row.oracle.is_empty() { String::new() } else { format!("`{}`", row.oracle) };
            table.row([
                format!("`{}`", row.name),
                held(row.name, count(&row), instead),
                oracle,
                test(&format!("{folder}/{file}.rs"), name),
            ]);
        }
        table
    };
    tables.into_iter().map(table).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn coverage() -> String {
    let mut text = BEGINNING.to_owned();
    let tables =
        [in_numbers(), whole_runs(), operations(), layers(), activations(), losses(), initializers()];
    tables.into_iter().chain(optimizers_and_schedules()).for_each(|table| table.write(&mut text));
    text
}

#[test]
fn everything_with_a_name_is_held_and_the_table_says_by_what() {
    let found = std::fs::read_to_string(top().join(TABLE)).unwrap_or_default();
    let expected = coverage();
    let line = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{TABLE} is no longer true, from line {}; write it anew with\n    cargo test -p downhill --test coverage -- --ignored \
         write",
        line.unwrap_or_else(|| found.lines().count().min(expected.lines().count())) + 1
    );
}

#[test]
#[ignore = "it writes docs/coverage.md"]
fn write() {
    std::fs::write(top().join(TABLE), coverage()).unwrap();
}

#[test]
fn properties_are_counted_with_their_cases() {
    let source = r#"
        // proptest! { #[test] fn example() {} }
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(30))]
            #[test] fn a(x in 0..3) { assert!(x < 3); }
            #[test] fn b(x in 0..3) { assert_ne!('{', '}', "}} {x}"); }
        }
        #[test] fn plain() {}
        proptest! { #[test] fn c(x in 0..3) {} }"#;
    assert_eq!(properties(source), (3, 2 * 30 + 256));
}
