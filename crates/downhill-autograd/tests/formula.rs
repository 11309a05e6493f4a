//! Formulas as text: what they mean, what they refuse, and that no text makes them panic.
#![allow(clippy::unwrap_used)]

use downhill_autograd::formula::Formula;
use downhill_autograd::testing::CaseRng;
use downhill_autograd::{Tolerance, check_gradients, value_and_grad};
use downhill_tensor::Tensor;

/// The value of a formula that has no variables.
fn value(text: &str) -> f64 {
    Formula::new(&format!("{text} + 0*x")).unwrap().value(&[1.0])
}

/// The message, and the line with the mark.
fn refused(text: &str) -> (String, usize) {
    let error = Formula::new(text).unwrap_err();
    (error.message, error.position)
}

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("8 - 4 - 2", 2.0),
        ("8 / 4 / 2", 1.0),
        ("2^3^2", 512.0),
        ("2**3", 8.0),
        ("-2^2", -4.0),
        ("(-2)^2", 4.0),
        ("2^-1", 0.5),
        ("2^-2^2", 0.0625),
        ("2*-3", -6.0),
        ("--3", 3.0),
        ("-+-+3", 3.0),
        ("1e-3*1E3", 1.0),
        (".5 + 1.", 1.5),
        ("2 * pi", std::f64::consts::TAU),
        ("log(e^2)", 2.0),
        ("ln(e)", 1.0),
        ("max(1, 2) + min(1, 2) + pow(2, 3)", 11.0),
        ("sqrt(abs(-16))", 4.0),
        ("sin(pi/2) + cos(0) + tan(0) + atan(0) + sinh(0) + cosh(0) + tanh(0) + exp(0) + erf(0)", 4.0),
        ("asin(1) + acos(1)", std::f64::consts::FRAC_PI_2),
    ] {
        assert!((value(text) - expected).abs() < 1e-15, "{text} is {}", value(text));
    }
}

#[test]
fn variables_are_in_the_order_of_their_appearance_or_in_the_order_asked_for() {
    let formula = Formula::new("b - a_1*b + a_1").unwrap();
    assert_eq!(formula.variables(), ["b", "a_1"]);
    assert_eq!(formula.value(&[5.0, 2.0]), -3.0);
    let other = Formula::with_variables("b - a_1", &["a_1", "b", "c"]).unwrap();
    assert_eq!((other.value(&[5.0, 2.0, 9.0]), other.to_string()), (-3.0, "b - a_1".to_owned()));
    assert!(other.value(&[1.0]).is_nan());
    assert_eq!(Formula::new("θ^2").unwrap().variables(), ["θ"]);
    // A superscript is no part of a name, or x² would be a variable.
    assert!(Formula::new("x²").is_err());
}

#[test]
fn what_is_recorded_has_the_value_and_the_gradient_of_the_formula() {
    let text =
        "(1-x)^2 + 100*(y-x^2)^2 + sin(x*y)/cosh(y) - exp(-x^2)*erf(y) + atan(x) + max(x, 3*y)^3 + x^y";
    let formula = Formula::new(text).unwrap();
    let point = [1.3, 0.7];
    let (recorded, gradient) = value_and_grad(|x| formula.record(x), &point).unwrap();
    assert_eq!(recorded, formula.value(&point));
    for i in 0..2 {
        let moved = |by: f64| {
            let mut point = point;
            point[i] += by;
            formula.value(&point)
        };
        let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
        assert!((difference - gradient[i]).abs() < 1e-6 * gradient[i].abs().max(1.0));
    }
    let unused = Formula::with_variables("x^2", &["x", "y"]).unwrap();
    assert_eq!(value_and_grad(|x| unused.record(x), &[3.0, 4.0]).unwrap(), (9.0, vec![6.0, 0.0]));
}

#[test]
fn a_vector_of_another_length_is_refused_where_it_is_recorded() {
    let formula = Formula::new("x + y").unwrap();
    let error = value_and_grad(|x| formula.record(x), &[1.0]).unwrap_err().to_string();
    assert!(error.contains("`formula` cannot take") && error.contains("its 2 variables"), "{error}");
}

#[test]
fn errors_say_what_was_expected_and_where() {
    let operand = "expected a number, a variable, a function or `(`";
    for (text, message, position) in [
        ("", format!("{operand}, but the formula ends here"), 0),
        ("x + ", format!("{operand}, but the formula ends here"), 4),
        ("x + * y", format!("{operand}, found `*`"), 4),
        ("(x + 1", "expected `)`, but the formula ends here".into(), 6),
        ("x + 1)", "expected an operator or the end: no `(` is open, found `)`".into(), 5),
        ("2x", "expected an operator; a product is written with `*`, found `x`".into(), 1),
        ("2 (x)", "expected an operator; a product is written with `*`, found `(`".into(), 2),
        ("x 3", "expected an operator; a product is written with `*`, found the number 3".into(), 2),
        ("sin x", "expected `(` behind the function `sin`, found `x`".into(), 4),
        ("max(x)", "expected `,` and another value, since `max` takes 2, found `)`".into(), 5),
        ("sin(x, y)", "expected `)`, since `sin` takes 1, found `,`".into(), 5),
        ("x, y", "expected an operator or the end, found `,`".into(), 1),
        ("x + .", "expected digits beside the point".into(), 4),
        ("x + 1e999", "`1e999` is too large for a number".into(), 4),
        ("3 + pi", "expected a variable, such as x: the formula is a constant".into(), 0),
        ("x = 3", "expected a number, a name, an operator or a parenthesis, found `=`".into(), 2),
    ] {
        assert_eq!(refused(text), (message, position), "{text}");
    }
    let (message, position) = refused("x + foo(x)");
    assert!(message.starts_with("no function is called `foo`; there are sin, cos"), "{message}");
    assert_eq!(position, 4);
    let shown = Formula::new("é + \t)").unwrap_err().to_string();
    assert_eq!(shown.lines().skip(1).collect::<Vec<_>>(), ["  é +  )", "       ^"]);
}

#[test]
fn variables_that_cannot_be_used_are_refused() {
    let refused = |text, variables: &[&str]| Formula::with_variables(text, variables).unwrap_err().message;
    assert_eq!(refused("x + z", &["x", "y"]), "`z` is none of the variables x, y and no constant");
    assert_eq!(refused("x", &["x", "e"]), "a variable cannot be called `e`, which is a constant");
    assert_eq!(refused("x", &["sin"]), "a variable cannot be called `sin`, which is a function");
    assert_eq!(refused("x", &["x", "x"]), "there are two variables `x`");
    for name in ["", "2", "x y", "x+"] {
        assert!(refused("x", &["x", name]).starts_with("a variable cannot be called"), "{name}");
    }
    assert!(refused("1", &["x"]).contains("the formula is a constant"));
}

#[test]
fn a_formula_may_be_long_but_not_deep() {
    let long = vec!["x"; 20_000].join(" + ");
    assert_eq!(Formula::new(&long).unwrap().value(&[1.0]), 20_000.0);
    let signs = format!("{}x", "-".repeat(100_001));
    assert_eq!(Formula::new(&signs).unwrap().value(&[1.0]), -1.0);
    for (open, close) in [("(", ")"), ("sin(", ")"), ("2^", ""), ("-(", ")"), ("pow(x, ", ")")] {
        let nested = |count: usize| format!("{}x{}", open.repeat(count), close.repeat(count));
        assert!(Formula::new(&nested(100)).is_ok());
        let (message, _) = refused(&nested(100_000));
        assert!(message.starts_with("more than 200 parentheses"), "{message}");
    }
}

/// Words that make some sense together, and letters that make none.
#[test]
fn no_text_makes_it_panic() {
    let words = [
        "x", "y", "sin", "cos(", "max(", "pow", "(", ")", ",", "+", "-", "*", "/", "^", "**", "2", "0.5",
        ".", "1e", "e-3", "1e400", "pi", "e", " ", "\n", "é", "∑", "\u{0}", "_", "x_1", "=", "²", "٣",
    ];
    let mut rng = CaseRng::new(3);
    let mut read = 0;
    for _ in 0..20_000 {
        let count = 1 + rng.below(12);
        let text: String = (0..count).map(|_| words[rng.below(words.len())]).collect();
        match Formula::new(&text) {
            Ok(formula) => {
                read += 1;
                let point = vec![0.5; formula.variables().len()];
                let value = formula.value(&point);
                let (recorded, gradient) = value_and_grad(|x| formula.record(x), &point).unwrap();
                assert!(recorded == value || value.is_nan(), "{text}: {recorded}, {value}");
                assert_eq!(gradient.len(), point.len());
            }
            Err(error) => {
                assert!(error.position <= text.chars().count(), "{text}");
                assert!(error.to_string().lines().count() == 3, "{error}");
            }
        }
    }
    assert!(read > 200, "only {read} of them were formulas");
}

#[test]
fn gradients_of_formulas_pass_the_check_of_gradients() {
    let formula = Formula::new("exp(-x^2/2)*sin(3*y) + log(1 + x^2*y^2)").unwrap();
    check_gradients(|x| formula.record(x[0]), &[Tensor::from([0.4, -0.7])], Tolerance::default()).unwrap();
}
