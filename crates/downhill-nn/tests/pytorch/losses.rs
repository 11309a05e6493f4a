//! Every loss with every reduction and option, and its gradients, against what PyTorch computed.
use crate::cases::{File, Operand, assert_agree, value_and_gradients};
use downhill_autograd::Var;
use downhill_nn::losses::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    loss: String,
    note: String,
    options: Value,
    reduction: String,
    operands: Vec<Operand>,
    cotangent: Vec<f64>,
    value: Vec<f64>,
    wrt: Vec<usize>,
    gradients: Vec<Vec<f64>>,
}

fn cases() -> Vec<Case> {
    let file: File<Case> = serde_json::from_str(include_str!("../oracles/losses.json")).unwrap();
    file.cases
}

impl Case {
    fn reduction(&self) -> Reduction {
        match self.reduction.as_str() {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            "batchmean" => Reduction::BatchMean,
            "none" => Reduction::None,
            other => panic!("{other}"),
        }
    }

    /// The row of [`Loss`] that this case is about, if there is one with its options.
    fn row(&self) -> Option<Loss> {
        let options = self.options.as_object().unwrap();
        let smoothed = options.len() == 1 && options.contains_key("label_smoothing");
        let name = if smoothed { "smoothed_cross_entropy" } else { self.loss.as_str() };
        let written = if options.is_empty() { json!(name) } else { json!({ name: options }) };
        serde_json::from_value(written).ok()
    }

    fn number(&self, name: &str) -> f64 {
        self.options[name].as_f64().unwrap()
    }

    fn flag(&self, name: &str) -> bool {
        self.options[name].as_bool().unwrap()
    }

    fn options<T: for<'a> Deserialize<'a>>(&self) -> T {
        serde_json::from_value(self.options.clone()).unwrap()
    }

    /// The function of this case.
    fn record<'t>(&self, x: &[Var<'t>]) -> Var<'t> {
        let reduction = self.reduction();
        match self.loss.as_str() {
            "cross_entropy" => self.options::<CrossEntropy>().reduced(x[0], x[1], reduction),
            "nll" => self.options::<NegativeLogLikelihood>().reduced(x[0], x[1], reduction),
            "bce" => self.options::<BinaryCrossEntropy>().reduced(x[0], x[1], reduction),
            "ctc" => self.options::<Ctc>().reduced(x[0].log_softmax(), x[1], x[2], x[3], reduction),
            "gaussian_nll" => reduction.apply(gaussian_nll_elements(
                x[0],
                x[1],
                x[2],
                self.number("epsilon"),
                self.flag("full"),
            )),
            "margin_ranking" => {
                reduction.apply(margin_ranking_elements(x[0], x[1], x[2], self.number("margin")))
            }
            "cosine_embedding" => {
                reduction.apply(cosine_embedding_elements(x[0], x[1], x[2], self.number("margin")))
            }
            "triplet_margin" => {
                let options = TripletMargin {
                    margin: self.number("margin"),
                    p: self.number("p"),
                    swap: self.flag("swap"),
                };
                reduction.apply(triplet_margin_elements(x[0], x[1], x[2], options))
            }
            _ => self.row().unwrap().reduced(x[0], x[1], reduction),
        }
    }

    fn check(&self, value: &[f64], gradients: &[Vec<f64>], tolerance: f64) {
        let what = format!("{} {} {} {}", self.loss, self.options, self.reduction, self.note);
        assert_agree(&what, value, &self.value, tolerance);
        assert_eq!(gradients.len(), self.gradients.len());
        for (ours, theirs) in gradients.iter().zip(&self.gradients) {
            assert_agree(&format!("gradient of {what}"), ours, theirs, tolerance);
        }
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    for case in cases() {
        let (value, gradients) =
            value_and_gradients::<f64>(&case.operands, &case.wrt, &case.cotangent, |x| case.record(x));
        case.check(&value, &gradients, 1e-12);
        let (value, gradients) =
            value_and_gradients::<f32>(&case.operands, &case.wrt, &case.cotangent, |x| case.record(x));
        case.check(&value, &gradients, 1e-5);
    }
}

#[test]
fn rows_of_the_enum_are_these_losses() {
    let mut rows = Vec::new();
    for case in cases() {
        let Some(loss) = case.row() else { continue };
        rows.push(loss.name());
        let (value, gradients) =
            value_and_gradients::<f64>(&case.operands, &case.wrt, &case.cotangent, |x| {
                loss.reduced(x[0], x[1], case.reduction())
            });
        case.check(&value, &gradients, 1e-12);
    }
    for loss in Loss::ALL {
        assert!(rows.contains(&loss.name()), "no case for {}", loss.name());
    }
}

#[test]
fn every_loss_has_a_case_with_every_reduction() {
    let cases = cases();
    for name in names() {
        // A row that is another with an option.
        let (name, option) = match name {
            "smoothed_cross_entropy" => ("cross_entropy", Some("label_smoothing")),
            name => (name, None),
        };
        for reduction in ["mean", "sum", "none"] {
            let found = cases.iter().any(|case| {
                case.loss == name
                    && case.reduction == reduction
                    && option.is_none_or(|option| !case.options[option].is_null())
            });
            assert!(found, "no case for {name} with the reduction {reduction}");
        }
    }
    // And none is for a loss that there is not.
    for case in &cases {
        assert!(names().contains(&case.loss.as_str()), "{}", case.loss);
    }
}
