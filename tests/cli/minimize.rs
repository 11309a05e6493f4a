//! `downhill minimize`: functions by name and formulas, one method or several, and what is refused.

use crate::program::Folder;
use serde_json::Value;

const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const DIVERGED: i32 = 5;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn method<'a>(found: &'a Value, name: &str) -> &'a Value {
    let methods = found["methods"].as_array().unwrap();
    methods.iter().find(|method| method["method"] == name).unwrap()
}

#[track_caller]
fn refused(arguments: &str, code: i32, parts: &[&str]) {
    let folder = Folder::new();
    let ended = folder.run(arguments);
    assert_eq!(ended.code, Some(code), "{arguments}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments}");
    for part in parts {
        assert!(ended.stderr.contains(part), "{arguments}: '{part}' is missing in: {}", ended.stderr);
    }
    assert!(folder.contents().is_empty(), "{arguments}: something was left behind");
}

#[test]
fn a_function_by_name_is_minimized_from_its_usual_start() {
    let folder = Folder::new();
    let found = folder.json("minimize rosenbrock --json");
    assert_eq!(found["function"], "rosenbrock");
    assert_eq!(numbers(&found["start"]), [-1.2, 1.0]);
    let lbfgs = method(&found, "lbfgs");
    assert!(numbers(&lbfgs["point"]).iter().all(|x| (x - 1.0).abs() < 1e-7), "{lbfgs}");
    assert_eq!((&lbfgs["converged"], &lbfgs["stop_reason"]), (&true.into(), &"gradient_tolerance".into()));
    assert_eq!(lbfgs["stationary_point"]["kind"], "minimum");
    assert!(lbfgs["evaluations"]["gradients"].as_u64().unwrap() < 80);
    let text = folder.succeed("minimize rosenbrock").stdout;
    for part in ["from (-1.2", "lowest value is known to be 0", "Stationary point", "the point is a minimum"]
    {
        assert!(text.contains(part), "'{part}' is missing in {text}");
    }
}

#[test]
fn a_formula_gives_the_same_walk_as_the_function_by_name() {
    let folder = Folder::new();
    let named = folder.json("minimize rosenbrock --json --method lbfgs,cg");
    let formula = folder
        .json("minimize --expr (1-x)^2+100*(y-x^2)^2 --from -1.2,1 --json --method lbfgs,conjugate-gradient");
    assert_eq!(formula["variables"], serde_json::json!(["x", "y"]));
    for name in ["lbfgs", "conjugate-gradient"] {
        let (a, b) = (method(&named, name), method(&formula, name));
        assert!(a["converged"] == true && b["converged"] == true);
        for (a, b) in numbers(&a["point"]).iter().zip(numbers(&b["point"])) {
            assert!((a - b).abs() < 1e-6);
        }
    }
}

#[test]
fn variables_can_be_put_in_another_order() {
    let found = Folder::new().json("minimize --expr (b-1)^2+(a-2)^2 --variables a,b --from 0,0 --json");
    let point = numbers(&found["methods"][0]["point"]);
    assert!((point[0] - 2.0).abs() < 1e-6 && (point[1] - 1.0).abs() < 1e-6, "{point:?}");
}

#[test]
fn every_method_can_be_compared_in_many_variables() {
    let names = "lbfgs,cg,newton-cg,trust-region,steepest-descent,gradient-descent,momentum,nesterov,adam";
    let found = Folder::new().json(&format!("minimize sum-of-squares --dimension 6 --method {names} --json"));
    assert_eq!(found["methods"].as_array().unwrap().len(), 9);
    for found in found["methods"].as_array().unwrap() {
        assert!(found["value"].as_f64().unwrap() < 1e-6, "{found}");
        let has_rate = found.get("learning_rate").is_some();
        let name = found["method"].as_str().unwrap();
        assert_eq!(has_rate, ["gradient-descent", "momentum", "nesterov", "adam"].contains(&name), "{name}");
    }
    assert_eq!(method(&found, "gradient-descent")["learning_rate"], 0.08);
}

#[test]
fn what_is_found_is_named_by_its_curvatures() {
    let folder = Folder::new();
    let kind = |arguments: &str| {
        let found = folder.json(&format!("minimize {arguments} --json"));
        found["methods"][0]["stationary_point"]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind("--expr x^2-y^2 --from 0,0 --method gradient-descent"), "saddle");
    assert_eq!(kind("--expr -x^2-y^2 --from 0,0 --method gradient-descent"), "maximum");
    assert_eq!(kind("--expr x^3-3*x*y^2 --from 0,0 --method gradient-descent"), "flat");
    assert_eq!(kind("booth"), "minimum");
    assert_eq!(kind("booth --iterations 1"), "not stationary");
    // A loose tolerance ends the walk and makes no point stationary.
    assert_eq!(kind("rosenbrock --tolerance 1"), "not stationary");
    assert_eq!(kind("booth --bounds :0 --from -1,-1"), "at a bound");
    let text = folder.succeed("minimize --expr x^2-y^2 --from 0,0 --method gradient-descent").stdout;
    assert!(text.contains("a saddle: the function falls along 1 of 2 directions"), "{text}");
}

#[test]
fn bounds_are_kept() {
    let found = Folder::new().json("minimize booth --bounds -1:0.5,:2 --from 0,0 --json");
    let lbfgsb = method(&found, "lbfgsb");
    let point = numbers(&lbfgsb["point"]);
    assert_eq!(point[0], 0.5);
    assert!(point[1] <= 2.0 && lbfgsb["converged"] == true, "{lbfgsb}");
}

#[test]
fn options_of_the_walk_are_heard() {
    let folder = Folder::new();
    let found = folder.json("minimize rosenbrock --target 0.5 --json");
    assert_eq!(found["methods"][0]["stop_reason"], "target");
    let found = folder.json("minimize rosenbrock --iterations 3 --json");
    assert_eq!(
        (&found["methods"][0]["iterations"], &found["methods"][0]["converged"]),
        (&3.into(), &false.into())
    );
    let loose = folder.json("minimize rosenbrock --tolerance 1 --json");
    assert!(loose["methods"][0]["gradient_norm"].as_f64().unwrap() > 1e-5);
    let evaluations = |search: &str| {
        let found = folder.json(&format!("minimize rosenbrock --line-search {search} --json"));
        found["methods"][0]["evaluations"]["values"].as_u64().unwrap()
    };
    assert_ne!(evaluations("armijo"), evaluations("strong-wolfe"));
    let slow = folder.json("minimize booth --method momentum --learning-rate 0.001 --iterations 5 --json");
    assert_eq!(slow["methods"][0]["learning_rate"], 0.001);
}

#[test]
fn pictures_show_the_ways_of_several_methods() {
    let folder = Folder::new();
    let ended = folder.succeed("minimize rosenbrock --html a.html --svg a.svg --csv a.csv --iterations 500");
    assert!(ended.stderr.contains("wrote a.html"), "{}", ended.stderr);
    let page = String::from_utf8(folder.read("a.html")).unwrap();
    for part in
        ["<!DOCTYPE html>", "Minimizing rosenbrock", "gradient-descent", "momentum", "adam", "evaluations"]
    {
        assert!(page.contains(part), "{part}");
    }
    let picture = String::from_utf8(folder.read("a.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("class=\"contour"), "a surface with contours");
    let table = String::from_utf8(folder.read("a.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("method,iteration,evaluations,value,gradient norm,x,y"));
    assert!(lines.next().unwrap().starts_with("lbfgs,0,1,24.1999"));
    assert!(table.lines().count() > 1000);
    // Elsewhere than in the plane the values are drawn.
    folder.succeed("minimize rosenbrock --dimension 5 --svg b.svg --method lbfgs,cg");
    let picture = String::from_utf8(folder.read("b.svg")).unwrap();
    assert!(!picture.contains("class=\"contour") && picture.contains("evaluations"));
}

#[test]
fn a_page_is_the_same_each_time() {
    let folder = Folder::new();
    folder.succeed("minimize himmelblau --html a.html");
    folder.succeed("minimize himmelblau --html b.html");
    assert_eq!(folder.read("a.html"), folder.read("b.html"));
}

#[test]
fn the_list_has_every_function() {
    let folder = Folder::new();
    let text = folder.succeed("minimize --list").stdout;
    let json = folder.json("minimize --list --json");
    let functions = json["functions"].as_array().unwrap();
    assert!(functions.len() >= 30);
    for function in functions {
        assert!(text.contains(function["name"].as_str().unwrap()));
    }
    assert!(text.contains("Methods: lbfgs"));
}

#[test]
fn what_cannot_be_minimized_is_refused_in_words() {
    refused("minimize", USAGE, &["NAME"]);
    refused("minimize rosenbrok", CONFIGURATION, &["did you mean", "rosenbrock"]);
    refused("minimize beale --from 1,2,3", CONFIGURATION, &["the number of variables must be 2, but is 3"]);
    refused("minimize beale --dimension 3", CONFIGURATION, &["must be 2, but is 3"]);
    refused("minimize sphere --dimension 3 --from 1,2", CONFIGURATION, &["contradict"]);
    refused("minimize --expr x+ --from 1", USAGE, &["--expr:", "but the formula ends here", "^"]);
    refused("minimize --expr x^2+y", USAGE, &["--from 1,1", "x, y"]);
    refused("minimize --expr x^2+y --from 1", CONFIGURATION, &["expected 2 numbers, for x, y, but 1 came"]);
    refused("minimize --expr log(x) --from -1", CONFIGURATION, &["(-1.0000)", "not finite", "--from"]);
    refused("minimize --expr sqrt(x) --from 0", CONFIGURATION, &["the gradient is not finite"]);
    refused("minimize --expr x^2 --from nan", CONFIGURATION, &["finite numbers"]);
    refused("minimize booth --bounds 0:1 --from 2,0", CONFIGURATION, &["out of the bounds", "x = 2"]);
    refused(
        "minimize booth --bounds 0:1,0:1,0:1 --from 0,0",
        CONFIGURATION,
        &["--bounds", "or 2, but 3 came"],
    );
    refused("minimize booth --bounds 1:0", USAGE, &["above"]);
    refused("minimize booth --bounds -9:9 --method adam", USAGE, &["adam knows no bounds"]);
    refused("minimize booth --method simplex", CONFIGURATION, &["no method is called", "lbfgs"]);
    refused("minimize booth --line-search golden", USAGE, &["strong-wolfe"]);
    refused("minimize booth --method adam --line-search armijo", USAGE, &["searches along lines"]);
    refused("minimize booth --learning-rate 0.1", USAGE, &["none of the methods has one"]);
    refused("minimize booth --method adam --learning-rate -1", CONFIGURATION, &["learning_rate"]);
    refused("minimize booth --tolerance -1", CONFIGURATION, &["gradient_tolerance"]);
    refused("minimize booth --expr x", USAGE, &["cannot be used with"]);
}

#[test]
fn a_walk_that_leaves_the_finite_numbers_is_shown_and_has_its_exit_code() {
    let ended = Folder::new().run("minimize booth --method gradient-descent --learning-rate 10");
    assert_eq!(ended.code, Some(DIVERGED), "{}", ended.stderr);
    assert!(ended.stdout.contains("not finite"), "{}", ended.stdout);
    assert!(ended.stderr.contains("smaller --learning-rate"), "{}", ended.stderr);
}
