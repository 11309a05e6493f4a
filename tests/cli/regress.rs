//! `downhill regress`: what it prints, saves and refuses.

use crate::program::Folder;
use serde_json::Value;

/// A price that follows from a size and a colour, with deviations that repeat, and a count.
fn houses() -> String {
    let mut text = String::from("size,colour,price,visits,sold\n");
    for i in 0..100 {
        let (size, colour) = (i % 25, ["blue", "green", "red"][i % 3]);
        let price = 2.0 * size as f64 + 10.0 * (i % 3) as f64 + ((i * i) % 5) as f64 + 7.0;
        let sold = if (i * 7) % 25 + (i % 9) * 3 > 25 { "yes" } else { "no" };
        text += &format!("{size},{colour},{price},{},{sold}\n", (size / 4 + i % 4) as f64);
    }
    text
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn a_line_is_shown_with_its_errors_and_a_proof() {
    let folder = Folder::new();
    folder.write("houses.csv", houses());
    let ended =
        folder.succeed("regress houses.csv --target price --ignore visits --ignore sold --out price.json");
    for part in [
        "ols on houses: 80 examples, 3 columns, 2 steps of newton",
        "The mean of price",
        "column        estimate  standard error  95 % interval from      to",
        "colour=green",
        "(intercept)",
        "train             80",
        "validation        20",
        "Converged: the gradient is",
        "above its minimum: it is quadratic",
        "Saved in price.json",
    ] {
        assert!(ended.stdout.contains(part), "'{part}' is missing in:\n{}", ended.stdout);
    }
    assert_eq!(folder.contents(), ["houses.csv", "price.json"]);

    folder.write("new.csv", "colour,size\nred,10\nblue,0\n");
    let table = folder.succeed("predict price.json new.csv").stdout;
    let predicted: Vec<f64> = table.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert!((predicted[0] - 49.0).abs() < 1.0 && (predicted[1] - 9.0).abs() < 1.0, "{table}");
}

#[test]
fn the_json_has_all_that_was_found() {
    let folder = Folder::new();
    folder.write("houses.csv", houses());
    let options = "--ignore sold --ignore visits --validation 0 --json";
    let result = folder.json(&format!("regress houses.csv --target price {options}"));
    assert_eq!(result["fitted"]["names"], serde_json::json!(["size", "colour=green", "colour=red"]));
    let coefficients = numbers(&result["fitted"]["coefficients"]);
    assert!((coefficients[0] - 2.0).abs() < 0.1 && (coefficients[2] - 20.0).abs() < 1.0);
    assert!(result["train"]["r_squared"].as_f64() > Some(0.98));
    assert!(result["fitted"]["certificate"]["gap"].as_f64() < Some(1e-10));
    assert!(result["fitted"]["inference"]["estimates"][0]["p_value"].as_f64() < Some(1e-20));
    assert!(result.get("validation").is_none());

    let lasso = folder.json(&format!("regress houses.csv --target price --model lasso --alpha 3 {options}"));
    assert_eq!(lasso["fitted"]["names"].as_array().map(Vec::len), Some(4));
    assert!(numbers(&lasso["fitted"]["coefficients"]).contains(&0.0));
    assert_eq!(lasso["fitted"]["inference"]["kind"], "unknown");
    assert_eq!(lasso["fitted"]["certificate"]["proof"]["by"], "duality");
}

#[test]
fn counts_and_classes_are_read_as_the_model_takes_them() {
    let folder = Folder::new();
    folder.write("houses.csv", houses());
    let rest = "--ignore price --ignore sold --json";
    let counts = folder.json(&format!("regress houses.csv --target visits --model poisson {rest}"));
    assert!(counts["validation"]["deviance"].as_f64() > Some(0.0));
    assert_eq!(counts["fitted"]["stop"]["kind"], "gradient");
    let sold = folder.succeed("regress houses.csv --target sold --ignore price --ignore visits").stdout;
    assert!(
        sold.contains("logistic on houses") && sold.contains("The log-odds of 'yes' against 'no' in sold"),
        "{sold}"
    );
    let three = folder.succeed("regress iris --alpha 0.01").stdout;
    assert!(three.contains("A logit for each class of class") && three.contains("setosa"), "{three}");
    assert!(three.contains("No standard errors: a penalty moves the coefficients"), "{three}");
}

#[test]
fn every_solver_finds_the_same() {
    let folder = Folder::new();
    let fit = |solver: &str| {
        let rest = "--standardize --alpha 0.05 --max-iterations 20000 --tolerance 1e-9 --json";
        let result = folder.json(&format!("regress breast-cancer --model logistic --solver {solver} {rest}"));
        (
            result["fitted"]["objective"].as_f64().unwrap(),
            result["fitted"]["certificate"]["gap"].as_f64().unwrap(),
        )
    };
    let (best, _) = fit("auto");
    for solver in
        ["newton", "lbfgs", "conjugate-gradient", "newton-cg", "trust-region", "gradient-descent", "adam"]
    {
        let (objective, gap) = fit(solver);
        // Plain descent is stopped on its way, and says so.
        let near = if solver == "gradient-descent" { 0.05 } else { 1e-8 };
        assert!(objective - best <= gap && gap < near, "{solver}: {objective} and {best}, {gap} certified");
    }
}

#[test]
fn a_page_shows_the_coefficients() {
    let folder = Folder::new();
    folder.write("a<b.csv", houses().replace("size", "<size>"));
    folder.succeed("regress a<b.csv --target price --ignore sold --ignore visits --html page.html");
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("&lt;size&gt;") && !page.contains("<size>"));
    assert!(page.contains("How it was found"));
}

#[test]
fn what_has_no_answer_is_told_with_its_exit_code() {
    let folder = Folder::new();
    folder.write("houses.csv", houses());
    let cases = [
        ("regress iris --model logistic", 4, "no maximum likelihood estimate exists"),
        ("regress iris --model ols", 3, "ols takes one number as its target"),
        ("regress iris --model logistic --alpha -1", 3, "alpha must be at least 0"),
        ("regress houses.csv --target price --model ols --alpha 1", 3, "ols has no alpha; leave out --alpha"),
        ("regress houses.csv --target price --l1-ratio 0.5", 3, "ols has no l1-ratio"),
        ("regress houses.csv --target price --epsilon 2", 3, "ols has no epsilon"),
        ("regress houses.csv --target price --model lasso --solver newton", 3, "it wants a smooth objective"),
        ("regress houses.csv --target price --solver nonsense", 3, "nonsense"),
        ("regress houses.csv", 2, "Name it with --target"),
        ("regress nowhere.csv --target x", 7, "nowhere.csv"),
        ("predict nowhere.json houses.csv", 7, "nowhere.json"),
        ("predict houses.json houses.csv", 7, "this is no fitted regression"),
    ];
    folder.write("houses.json", "{}");
    for (arguments, code, part) in cases {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}
