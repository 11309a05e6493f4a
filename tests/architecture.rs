//! Who may know whom: the arrows of the workspace, read from `cargo metadata`.
//!
//! An arrow means "depends on". Nothing but what is listed here is allowed. Dependencies of tests are not
//! arrows of the design, but even they must not run in circles through the libraries, with the exception of
//! a crate that tests itself with a feature switched on.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

const LIBRARIES: [&str; 8] = [
    "downhill-tensor",
    "downhill-autograd",
    "downhill-engine",
    "downhill-nn",
    "downhill-optim",
    "downhill-data",
    "downhill-train",
    "downhill",
];

/// The crates of the workspace that each one may depend on.
fn allowed(package: &str) -> &'static [&'static str] {
    match package {
        "downhill-tensor" => &[],
        "downhill-autograd" | "downhill-optim" | "downhill-data" => &["downhill-tensor"],
        "downhill-engine" | "downhill-nn" => &["downhill-autograd", "downhill-tensor"],
        "downhill-train" => &[
            "downhill-nn",
            "downhill-engine",
            "downhill-autograd",
            "downhill-optim",
            "downhill-data",
            "downhill-tensor",
        ],
        "downhill" => &LIBRARIES[..7],
        "downhill-cli" | "downhill-bench" => &["downhill"],
        other => panic!("`{other}` is new here: say in this test what it may depend on"),
    }
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// The dependencies of each package of the workspace, as (name, kind), the kind empty for ordinary ones.
fn dependencies() -> BTreeMap<String, Vec<(String, String)>> {
    let metadata = metadata();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list, even if empty");
            let pairs = dependencies.iter().map(|d| (text(&d["name"]), text(&d["kind"]))).collect();
            (text(&package["name"]), pairs)
        })
        .collect()
}

#[test]
fn only_the_arrows_of_the_design_exist() {
    let packages = dependencies();
    assert_eq!(packages.len(), 10, "the workspace has ten crates");
    for (package, dependencies) in &packages {
        for (name, kind) in dependencies {
            if name.starts_with("downhill") && kind != "dev" {
                assert!(
                    allowed(package).contains(&name.as_str()),
                    "`{package}` must not depend on `{name}`; allowed: {:?}",
                    allowed(package)
                );
            }
        }
    }
}

#[test]
fn tests_look_no_higher_than_their_crate() {
    for (package, dependencies) in dependencies() {
        for (name, _) in
            dependencies.iter().filter(|(name, kind)| kind == "dev" && name.starts_with("downhill"))
        {
            assert!(
                *name == package || allowed(&package).contains(&name.as_str()),
                "the tests of `{package}` must not need `{name}`, which stands above or beside it"
            );
        }
    }
}

#[test]
fn only_kernels_and_the_engine_may_be_unsafe() {
    for library in LIBRARIES.iter().filter(|name| !matches!(**name, "downhill-tensor" | "downhill-engine")) {
        let path = format!("{}/../../crates/{library}/src/lib.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&path).expect("every library has a lib.rs");
        assert!(source.contains("#![forbid(unsafe_code)]"), "{library} must forbid unsafe code");
    }
}
