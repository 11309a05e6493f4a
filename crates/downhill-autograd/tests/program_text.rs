//! The forms in which a person looks at a program: text, drawing, trace.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::ops::{Conv2d, Pool2d};
use downhill_autograd::testing::{CaseRng, Values, operations, random_program};
use downhill_autograd::{Data, Interpreter, Output, Program, Tape, Trace};
use downhill_tensor::Key;

/// The loss of one linear layer, with its gradient.
fn small() -> Program {
    let tape = Tape::new();
    let theta = tape.vector("theta");
    let (x, labels) = (tape.input("x", [4, 3]), tape.index_input("labels", [4]));
    let (weight, scores) = tape.at_path("layer", || {
        let weight = tape.part(theta, "layer.weight", [3, 2]);
        let bias = tape.part(theta, "layer.bias", [2]);
        (weight, x.matmul(weight) + bias)
    });
    let loss = -(scores.watch("scores").log_softmax() * labels.one_hot(2)).sum() * 0.25;
    let gradient = tape.grad(loss, &[weight]);
    tape.finish(&[Output::new("loss", &loss), Output::flat("gradient", &gradient)]).unwrap()
}

#[test]
fn the_text_form_reads_line_by_line() {
    let expected = "\
program(theta: float[8], x: float[4, 3], labels: index[4]) -> (loss: float[], gradient: float[6], scores: float[4, 2])
  %0    float[4, 3]          = input x
  %1    index[4]             = input labels
  # layer
  %2    float[3, 2]          = input theta[0..6] \"layer.weight\"
  %3    float[2]             = input theta[6..8] \"layer.bias\"
  %4    float[4, 2]          = matmul %0, %2
  %5    float[4, 2]          = add %4, %3
  # (top)
  %6    float[4, 2]          = log_softmax %5
  %7    float[4, 2]          = one_hot {classes: 2} %1
  %8    float[4, 2]          = mul %6, %7
  %9    float[]              = sum {axes: [0, 1]} %8
  %10   float[]              = neg %9
  %11   float[]              = constant 0.25
  %12   float[]              = mul %10, %11
  %13   float[]              = constant 1
  %14   float[]              = mul %13, %11
  %15   float[]              = neg %14
  %16   float[1, 1]          = reshape {shape: [1, 1]} %15
  %17   float[4, 2]          = broadcast_to {shape: [4, 2]} %16
  %18   float[4, 2]          = mul %17, %7
  %19   float[4, 2]          = softmax %5
  %20   float[4]             = sum {axes: [1]} %18
  %21   float[4, 1]          = reshape {shape: [4, 1]} %20
  %22   float[4, 2]          = mul %19, %21
  %23   float[4, 2]          = sub %18, %22
  # layer
  %24   float[3, 4]          = permute {order: [1, 0]} %0
  %25   float[3, 2]          = matmul %24, %23
  return loss = %12
  return gradient = %25
  return scores = %5
";
    assert_eq!(small().to_string(), expected);
}

#[test]
fn attributes_are_shown_with_their_names() {
    let tape = Tape::new();
    let x = tape.input("x", [1, 1, 4, 4]);
    let (_, w) = (x, tape.input("w", [1, 1, 2, 2]));
    let y = x.conv2d(w, Conv2d { padding: [1, 0], ..Conv2d::default() }).max_pool2d(Pool2d::square(2));
    let z = tape.concat(&[y.slice(2, ..1), y.flip(3).slice(2, 1..)], 2).pad(-1, 0, 2);
    let text = tape.finish(&[Output::new("z", &z)]).unwrap().to_string();
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once("= ")).map(|(_, what)| what).collect();
    assert_eq!(
        lines[2..9],
        [
            "conv2d {stride: [1, 1], padding: [1, 0], dilation: [1, 1], groups: 1} %0, %1",
            "max_pool2d {kernel: [2, 2], stride: [2, 2], padding: [0, 0]} %2",
            "slice {axis: 2, start: 0, step: 1, count: 1} %3",
            "slice {axis: 3, start: 0, step: -1, count: 1} %3",
            "slice {axis: 2, start: 1, step: 1, count: 1} %5",
            "concat {axis: 2} %4, %6",
            "pad {axis: 3, start: 0, step: 1, length: 3} %7",
        ]
    );
}

#[test]
fn the_drawing_is_a_well_formed_graph_with_one_box_a_layer() {
    let mut programs = vec![small()];
    programs.extend(operations().iter().map(|row| row.case(0, Values::Ordinary).program().unwrap()));
    programs.push(random_program(&mut CaseRng::new(3), 20).unwrap().0);
    let tape = Tape::new();
    let named = tape.at_path("a \"quoted\\ layer", || tape.input("in\"put", [1]).exp());
    programs.push(tape.finish(&[Output::new("out\"put", &named)]).unwrap());
    for program in &programs {
        let text = program.graphviz();
        assert!(text.starts_with("digraph program {\n") && text.ends_with("}\n"));
        // Outside of quoted strings, braces are balanced, and every string ends on its line.
        let mut depth = 0i32;
        for line in text.lines() {
            let (mut quoted, mut escaped) = (false, false);
            for c in line.chars() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if quoted => escaped = true,
                    '"' => quoted = !quoted,
                    '{' if !quoted => depth += 1,
                    '}' if !quoted => depth -= 1,
                    _ => {}
                }
                assert!(depth >= 0, "{text}");
            }
            assert!(!quoted, "a string does not end in: {line}");
        }
        assert_eq!(depth, 0, "{text}");
        for id in program.ids() {
            assert!(text.contains(&format!("  n{} [label=", id.0)), "{id} is missing in {text}");
        }
    }
    let text = programs[0].graphviz();
    assert!(text.contains("subgraph \"cluster_layer\" {\n"));
    assert!(text.contains("  n4 [label=\"matmul\\nfloat[4, 2]\"];"));
    assert!(text.contains("  n4 -> n5;") && text.contains("  n12 -> out0;"));
}

#[test]
fn the_trace_finds_the_first_value_that_is_not_finite() {
    let tape = Tape::new();
    let x = tape.input("x", [4]);
    let y = tape.at_path("loss", || (x * 2.0 - 1.0).log().exp().sum());
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    let mut traces: Vec<Trace> = Vec::new();
    let point = [1.0, 0.75, 0.25, 2.0];
    Interpreter.trace(&program, &[Data::Float(&point)], Key::new(0), |trace| traces.push(trace)).unwrap();
    assert_eq!(traces.len(), program.len());
    assert_eq!((traces[0].operation, traces[0].min, traces[0].max), ("input", 0.25, 2.0));
    let first = traces.iter().find(|trace| trace.not_finite > 0).unwrap();
    assert_eq!((first.operation, first.not_finite), ("log", 1));
    // The range of the elements that are numbers.
    assert_eq!((first.min, first.max), (0.5f64.ln(), 3f64.ln()));
    assert_eq!(program.place(first.node).path, "loss");
    let before = &traces[first.node.index() - 1];
    assert_eq!((before.operation, before.min, before.max), ("sub", -0.5, 3.0));
    // In single precision as well, and with whole numbers.
    let mut seen = 0;
    let inputs = [Data::Float(&[0.5f32; 8]), Data::Float(&[1.0; 12]), Data::Index(&[0, 1, 1, 0])];
    Interpreter.trace(&small(), &inputs, Key::new(0), |_| seen += 1).unwrap();
    assert_eq!(seen, small().len());
}

#[test]
fn what_outputs_do_not_need_is_left_out_and_inputs_stay() {
    let tape = Tape::new();
    let (x, _unused) = (tape.input("x", [2]), tape.input("unused", [3]));
    let _forgotten = x.exp().sin();
    let y = x.square();
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    let names: Vec<_> = program.ids().map(|id| program.operation_name(id)).collect();
    assert_eq!(names, ["input", "input", "square"]);
    assert_eq!((program.input("unused"), program.output("y"), program.output("x")), (Some(1), Some(0), None));
}
