//! `downhill explain`: backpropagation held to numbers that were worked out by hand.

use crate::program::{Ended, Folder};
use serde_json::Value;

/// The lines of a text, with single blanks.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn expect(lines: &[String], beginnings: &[&str]) {
    for beginning in beginnings {
        let found = lines.iter().any(|line| line.starts_with(beginning));
        assert!(found, "no line begins with '{beginning}':\n{}", lines.join("\n"));
    }
}

/// Two inputs, two hidden units with ReLU, one output. On paper, with x = (1, 2), the target t = 1 and
///
/// ```text
/// W₁ = | 1    -1   |   b₁ = (0, 0.25)    W₂ = | 2 |   b₂ = -1.5
///      | 0.5  0.25 |                          | 3 |
/// ```
const NETWORK: &str =
    "explain mlp:2 --activation relu --input 1,2 --target 1 --parameters 1,-1,0.5,0.25,0,0.25,2,3,-1.5";

#[test]
fn a_small_network_is_worked_as_on_paper() {
    let folder = Folder::new();
    let text = folder.succeed(&format!("{NETWORK} --learning-rate 0.01")).stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    let lines = lines(&text);
    assert_eq!(lines[0], "mlp:2 with relu: 9 parameters, mse, at the parameters that were given.");
    expect(
        &lines,
        &[
            // z = x W₁ + b₁
            "0.z = input · 0.weight + 0.bias",
            "0.z[0] = 1 × 1 + 2 × 0.5 + 0 = 2",
            "0.z[1] = 1 × (-1) + 2 × 0.25 + 0.25 = -0.25",
            // a = max(z, 0): the second unit is silent.
            "1.a[0] = relu(2) = 2",
            "1.a[1] = relu(-0.25) = 0",
            // y = a W₂ + b₂, L = (y - t)²
            "2.z = 2 × 2 + 0 × 3 + (-1.5) = 2.5",
            "loss.sub = 2.5 - 1 = 1.5",
            "loss = 1.5² = 2.25",
        ],
    );
    let backward = [
        // dL/de = 2 e = 3 for e = y - t, and dL/dy = 3 · 1
        "loss.sub loss 1 × 3 = 3 3 3",
        "2.z loss.sub 3 × 1 = 3 3 3",
        // dL/db₂ = dL/dy, dL/dW₂ = a dL/dy
        "2.bias[0] 2.z 3 × 1 = 3 3 3",
        "2.weight[0,0] 2.z 3 × 2 = 6 6 6",
        "2.weight[1,0] 2.z 3 × 0 = 0 0 0",
        // dL/da = W₂ dL/dy
        "1.a[0] 2.z 3 × 2 = 6 6 6",
        "1.a[1] 2.z 3 × 3 = 9 9 9",
        // dL/dz = dL/da where z > 0, and 0 elsewhere
        "0.z[0] 1.a[0] 6 × 1 = 6 6 6",
        "0.z[1] 1.a[1] 9 × 0 = 0 0 0",
        // dL/dW₁ = xᵢ dL/dzⱼ, dL/db₁ = dL/dz
        "0.bias[0] 0.z[0] 6 × 1 = 6 6 6",
        "0.weight[0,0] 0.z[0] 6 × 1 = 6 6 6",
        "0.weight[1,0] 0.z[0] 6 × 2 = 12 12 12",
        "0.weight[1,1] 0.z[1] 0 × 2 = 0 0 0",
        // dL/dx is a sum over two paths: 6 · 1 + 0 · (-1) and 6 · 0.5 + 0 · 0.25
        "input[0] 0.z[0] 6 × 1 = 6",
        "0.z[1] 0 × -1 = 0 6 6",
        "input[1] 0.z[0] 6 × 0.5 = 3",
        "0.z[1] 0 × 0.25 = 0 3 3",
    ];
    expect(&lines, &backward);
    expect(
        &lines,
        &[
            // θ - 0.01 dL/dθ
            "0.weight[0,0] 1 6 -0.06 0.94",
            "0.weight[1,0] 0.5 12 -0.12 0.38",
            "0.weight[1,1] 0.25 0 0 0.25",
            "0.bias[0] 0 6 -0.06 -0.06",
            "2.weight[0,0] 2 6 -0.06 1.94",
            "2.bias[0] -1.5 3 -0.03 -1.53",
            // z₀ = 0.94 + 2 · 0.38 - 0.06 = 1.64, y = 1.64 · 1.94 - 1.53 = 1.6516, L = 0.6516² = 0.42458
            "The loss of this example is 2.25, and 0.42458 after the step of all 9 parameters.",
        ],
    );
}

fn value<'a>(json: &'a Value, name: &str) -> &'a Value {
    let values = json["values"].as_array().unwrap();
    values.iter().find(|value| value["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn sigmoids_at_rest_have_a_quarter_as_their_slope() {
    // x = (1, -1) and equal rows make z = (0, 0), so a = (1/2, 1/2) and da/dz = a (1 - a) = 1/4.
    // y = 4/2 - 2/2 = 1, L = y² = 1, dL/dy = 2, dL/da = (8, -4), dL/dz = (2, -1).
    let json = Folder::new().json(
        "explain mlp:2 --activation sigmoid --input 1,-1 --target 0 --json \
         --parameters 0.5,-2,0.5,-2,0,0,4,-2,0",
    );
    assert_eq!(json["loss"], 1.0);
    assert_eq!(numbers(&value(&json, "1.a")["numbers"]), [0.5, 0.5]);
    let sum = |name: &str| numbers(&value(&json, name)["gradient"]["sum"]);
    assert_eq!((sum("2.z"), sum("1.a"), sum("0.z")), (vec![2.0], vec![8.0, -4.0], vec![2.0, -1.0]));
    assert_eq!(sum("0.weight"), [2.0, -1.0, -2.0, 1.0]);
    // dL/dx = 2 · 0.5 + (-1) · (-2) = 3 for both.
    assert_eq!(sum("input"), [3.0, 3.0]);
    let path = &value(&json, "0.z")["gradient"]["paths"][1][0];
    let expected = serde_json::json!({"through": "1.a[1]", "arriving": -4.0, "local": 0.25, "product": -1.0});
    assert_eq!(*path, expected);
    assert!(json["finite_differences_apart"]["relative"].as_f64().unwrap() < 1e-8);
    assert!(json["reverse_mode_apart"].as_f64().unwrap() < 1e-15);
}

#[test]
fn every_loss_is_explained_and_agrees_with_differences() {
    let folder = Folder::new();
    for (losses, target) in [
        (&["mse", "mae", "huber", "smooth-l1", "log-cosh", "quantile"][..], "0.3,-0.7"),
        (&["poisson-nll"], "1,3"),
        (&["cross-entropy", "smoothed-cross-entropy", "nll"], "2"),
        (&["bce", "focal", "hinge", "squared-hinge"], "1"),
    ] {
        for loss in losses {
            let json = folder
                .json(&format!("explain mlp:3 --input 0.4,-1.3 --target {target} --loss {loss} --json"));
            let apart = json["finite_differences_apart"]["relative"].as_f64().unwrap();
            assert!(apart < 1e-7, "{loss}: {apart:e}");
            assert!(json["reverse_mode_apart"].as_f64().unwrap() < 1e-14, "{loss}");
            assert!(
                json["descent"]["loss_after"].as_f64().unwrap() < json["loss"].as_f64().unwrap(),
                "{loss}"
            );
        }
    }
}

#[test]
fn an_example_of_a_run_is_explained_with_the_step_of_its_optimizer() {
    let folder = Folder::new();
    folder.succeed("train iris --model mlp:4 --activation tanh --epochs 2 --out mine --quiet");
    let json = folder.json("explain mine --example 3 --json");
    assert_eq!(
        (&json["run"], &json["example"], &json["model"]),
        (&"mine".into(), &3.into(), &"mlp:4".into())
    );
    assert!(json["finite_differences_apart"]["relative"].as_f64().unwrap() < 1e-7);
    // The first step of Adam is the rate against the sign of the derivative: m̂ / √v̂ = g / |g|.
    assert_eq!(
        (&json["optimizer"]["rule"], &json["optimizer"]["learning_rate"]),
        (&"adam".into(), &0.005.into())
    );
    for step in json["optimizer"]["parameters"].as_array().unwrap() {
        let of = |name: &str| step[name].as_f64().unwrap();
        let expected = of("before") - 0.005 * of("gradient").signum();
        assert!((of("after") - expected).abs() < 1e-6 || of("gradient").abs() < 1e-3, "{step}");
    }
    let text = folder.succeed("explain mine --example 3").stdout;
    assert!(
        text.starts_with("mlp:4 on example 3: 35 parameters, cross-entropy, at the parameters"),
        "{text}"
    );
    assert!(text.contains("\nadam would come to "), "{text}");
    let part = folder.succeed("explain mine --example 3 --layer loss").stdout;
    assert!(part.contains("cross_entropy(2.z, target)") && !part.contains("0.weight"), "{part}");
}

#[test]
fn the_page_has_the_drawing_and_the_numbers() {
    let folder = Folder::new();
    let ended = folder.succeed(&format!("{NETWORK} --html page.html --svg net.svg --csv terms.csv"));
    assert_eq!(ended.stderr, "wrote page.html\nwrote net.svg\nwrote terms.csv\n");
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<svg") && !page.contains("<script"));
    for part in ["0.z[1]", "2.weight[0,0]", "relu(\u{2212}0.25)", "loss after"] {
        assert!(page.contains(part), "no '{part}'");
    }
    assert!(folder.read("net.svg").starts_with(b"<svg"));
    let table = String::from_utf8(folder.read("terms.csv")).unwrap();
    assert!(table.lines().any(|line| line.starts_with("\"0.weight[1,0]\",0.z[0],6,2,12,12,")), "{table}");
    // One of many units is too large for a drawing, not for the tables.
    folder.succeed("explain mlp:20 --input 1,2 --target 1 --layer 2 --html large.html");
    let large = String::from_utf8(folder.read("large.html")).unwrap();
    assert!(!large.contains("<svg") && large.contains("2.weight[19,0]"));
}

#[test]
fn what_is_too_large_or_missing_is_refused_with_what_to_do() {
    let folder = Folder::new();
    folder.succeed("train iris --model mlp:20 --epochs 1 --out mine --quiet");
    let example = "--input 1,2 --target 1";
    for (arguments, code, part) in [
        (
            "mine --example 0",
            3,
            "163 parameters are more than can be read; at most 100 are shown: choose a part with",
        ),
        ("mlp:30,30 --input 1,2 --target 0", 3, "of 0, 1, 2, 3, 4, loss, or have all with --limit 1051"),
        ("mine", 2, "Choose one with --example N, from 0 to 119"),
        ("mine --example 120", 2, "there are 120 examples to learn from, numbered from 0"),
        ("mine --example 0 --target 1", 2, "--target is for a network without a run"),
        ("mlp:2", 2, "its input with --input 0.5,-1"),
        (&format!("mlp:2 {example} --example 3"), 2, "are for the directory of a run"),
        (&format!("mlp:2 {example} --layer 9"), 2, "there is no layer '9'; the layers are 0, 1, 2, loss"),
        (
            &format!("mlp:2 {example} --parameters 1,2"),
            2,
            "expected 9 numbers, row by row of 0.weight [2, 2]",
        ),
        ("mlp:2 --input 1,x --target 1", 2, "'x' is none"),
        ("mlp:2 --input 1,2 --target 0.5 --loss bce", 2, "bce takes one class"),
        ("nothing --input 1 --target 1", 2, "there is no directory of a run of that name"),
        (&format!("mlp:2 {example} --html mine"), 7, "mine: this is a directory already; name a file in it"),
        (&format!("mlp:20 {example} --layer 2 --svg net.svg"), 3, "too many numbers for a drawing"),
    ] {
        let Ended { code: found, stderr, .. } = folder.run(&format!("explain {arguments}"));
        assert_eq!(found, Some(code), "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
    }
    let part = folder.succeed("explain mine --example 0 --layer 2 --limit 70").stdout;
    assert!(part.contains("Shown is layer 2 alone."));
    let all = folder.succeed("explain mine --example 0 --limit 300").stdout;
    assert!(all.contains("0.weight[3,19]"));
}

#[test]
fn one_class_is_nothing_to_tell_apart() {
    let ended = Folder::new().run("explain logistic --input 1,2 --target 0 --classes 1");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--classes 1: expected at least 2"), "{}", ended.stderr);
}
