//! From layers to statements of a function.

use super::source::{Writer, has_function};
use crate::{Error, Result};
use downhill_nn::{Activation, AnyLayer, Network};
use downhill_tensor::ParameterLayout;

/// A walk through a network in the order in which it computes.
pub(super) struct Walk<'a> {
    pub writer: &'a mut Writer,
    network: &'a Network<AnyLayer>,
    parameters: &'a [f32],
    state: &'a [f32],
    /// How many rows of the network's summary, which has the shapes of all results, have been passed.
    passed: usize,
    /// The variable that holds the value so far, and its shape without the batch.
    variable: String,
    shape: Vec<usize>,
}

impl<'a> Walk<'a> {
    /// A walk that begins with the network's input in this variable.
    pub fn new(
        writer: &'a mut Writer,
        network: &'a Network<AnyLayer>,
        parameters: &'a [f32],
        state: &'a [f32],
        variable: String,
    ) -> Self {
        let shape = network.input().shape.iter().skip(1).copied().collect();
        Walk { writer, network, parameters, state, passed: 0, variable, shape }
    }

    /// Writes the whole network; returns the variable with its output.
    ///
    /// # Errors
    /// A layer that has no place in such a function.
    pub fn run(mut self) -> Result<String> {
        let network = self.network;
        self.visit(network.layer(), "")?;
        Ok(self.variable)
    }

    fn visit(&mut self, layer: &AnyLayer, path: &str) -> Result<()> {
        let row = self.network.summary().rows.get(self.passed);
        self.passed += 1;
        let output: Vec<usize> = match row {
            Some(row) if row.path == path => row.output.shape.iter().skip(1).copied().collect(),
            _ => return Err(refused(layer, path, "its shapes are not known")),
        };
        let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match layer {
            AnyLayer::Sequential(sequential) => {
                for (position, layer) in sequential.layers.iter().enumerate() {
                    match layer {
                        AnyLayer::Named(named) => self.visit(&named.layer, &inner(&named.name))?,
                        layer => self.visit(layer, &inner(&position.to_string()))?,
                    }
                }
                return Ok(());
            }
            AnyLayer::Named(named) => return self.visit(&named.layer, &inner(&named.name)),
            AnyLayer::Residual(residual) => {
                let before = self.writer.copy(&self.variable, self.shape.iter().product());
                self.visit(&residual.inner, &inner("inner"))?;
                self.writer.call("add", &format!("&mut {}, &{before}", self.variable));
                return Ok(());
            }
            _ => {}
        }
        if !matches!(layer, AnyLayer::Flatten(_) | AnyLayer::Dropout(_)) {
            self.writer.comment(&format!("{} {output:?}", describe(layer, path)));
        }
        self.layer(layer, path, &output)?;
        self.shape = output;
        Ok(())
    }

    fn layer(&mut self, layer: &AnyLayer, path: &str, output: &[usize]) -> Result<()> {
        match layer {
            AnyLayer::Flatten(_) | AnyLayer::Dropout(_) => {}
            AnyLayer::Activation(activation) => {
                if !has_function(activation.name()) {
                    return Err(refused(layer, path, "there is no function for it here"));
                }
                self.activation(*activation, output);
            }
            AnyLayer::Linear(linear) => {
                let weight = self.parameter(path, "weight")?;
                let bias = self.bias(path, linear.out_features);
                self.fill_new(output, "linear", |x, y| format!("&{x}, &{weight}, {bias}, &mut {y}"));
            }
            AnyLayer::Conv2d(conv) => {
                let window = self.window(conv.kernel, conv.stride, conv.padding, conv.dilation, output);
                let weight = self.parameter(path, "weight")?;
                let bias = self.bias(path, conv.out_channels);
                let groups = conv.groups;
                self.fill_new(output, "convolve", |x, y| {
                    format!("&{x}, &{window}, {groups}, &{weight}, {bias}, &mut {y}")
                });
            }
            AnyLayer::MaxPool2d(pool) => {
                let window = self.window(pool.kernel, pool.stride, pool.padding, [1, 1], output);
                self.fill_new(output, "pool", |x, y| format!("&{x}, &{window}, true, &mut {y}"));
            }
            AnyLayer::AvgPool2d(pool) => {
                let window = self.window(pool.kernel, pool.stride, pool.padding, [1, 1], output);
                self.fill_new(output, "pool", |x, y| format!("&{x}, &{window}, false, &mut {y}"));
            }
            AnyLayer::GlobalAveragePool2d(_) => {
                self.fill_new(output, "mean_of_channels", |x, y| format!("&{x}, &mut {y}"));
            }
            AnyLayer::BatchNorm(norm) => {
                let mean = self.numbers(path, "running_mean").unwrap_or_default();
                let variance = self.numbers(path, "running_variance").unwrap_or_default();
                let weight = self.numbers(path, "weight").unwrap_or_else(|| vec![1.0; mean.len()]);
                let bias = self.numbers(path, "bias").unwrap_or_else(|| vec![0.0; mean.len()]);
                let scale: Vec<f64> = weight
                    .iter()
                    .zip(&variance)
                    .map(|(w, v)| f64::from(*w) / (f64::from(*v) + norm.epsilon).sqrt())
                    .collect();
                let shift = bias.iter().zip(&mean).zip(&scale);
                let shift: Vec<f32> =
                    shift.map(|((b, m), s)| (f64::from(*b) - f64::from(*m) * s) as f32).collect();
                let scale: Vec<f32> = scale.iter().map(|s| *s as f32).collect();
                let scale = self.writer.constant(path, "scale", &scale)?;
                let shift = self.writer.constant(path, "shift", &shift)?;
                self.writer.call("scale_channels", &format!("&mut {}, &{scale}, &{shift}", self.variable));
            }
            AnyLayer::LayerNorm(norm) => {
                let width = output[output.len().saturating_sub(norm.axes)..].iter().product();
                let or =
                    |numbers: Option<Vec<f32>>, usual: f32| numbers.unwrap_or_else(|| vec![usual; width]);
                let weight = or(self.numbers(path, "weight"), 1.0);
                let bias = or(self.numbers(path, "bias"), 0.0);
                let weight = self.writer.constant(path, "weight", &weight)?;
                let bias = self.writer.constant(path, "bias", &bias)?;
                let arguments =
                    format!("&mut {}, {:?}, &{weight}, &{bias}", self.variable, norm.epsilon as f32);
                self.writer.call("normalize", &arguments);
            }
            layer => {
                return Err(refused(
                    layer,
                    path,
                    "a source file takes perceptrons and convolutional networks",
                ));
            }
        }
        Ok(())
    }

    fn activation(&mut self, activation: Activation, output: &[usize]) {
        let mut arguments = format!("&mut {}", self.variable);
        match activation {
            Activation::LeakyRelu { negative_slope } => {
                arguments += &format!(", {:?}", negative_slope as f32);
            }
            Activation::Softmax => arguments += &format!(", {}", output.last().copied().unwrap_or(1)),
            _ => {}
        }
        self.writer.call(activation.name(), &arguments);
    }

    /// A call that fills a new variable from the one so far.
    fn fill_new(&mut self, output: &[usize], function: &str, arguments: impl FnOnce(&str, &str) -> String) {
        let new = self.writer.array(output.iter().product());
        self.writer.call(function, &arguments(&self.variable, &new));
        self.variable = new;
    }

    /// A window on the image so far, which gives an image of this shape.
    fn window(
        &mut self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        output: &[usize],
    ) -> String {
        let last_two = |shape: &[usize]| [shape[shape.len() - 2], shape[shape.len() - 1]];
        let (size, windows) = (last_two(&self.shape), last_two(output));
        self.writer.window(&[
            ("size", size),
            ("kernel", kernel),
            ("stride", stride),
            ("padding", padding),
            ("dilation", dilation),
            ("windows", windows),
        ])
    }

    /// A parameter or state of a layer.
    fn numbers(&self, path: &str, name: &str) -> Option<Vec<f32>> {
        let name = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let of = |layout: &ParameterLayout, numbers: &[f32]| {
            layout.get(&name).map(|entry| numbers[entry.range()].to_vec())
        };
        of(self.network.layout(), self.parameters).or_else(|| of(self.network.state_layout(), self.state))
    }

    /// The name of a constant with a parameter.
    fn parameter(&mut self, path: &str, name: &str) -> Result<String> {
        let numbers = self.numbers(path, name).unwrap_or_default();
        self.writer.constant(path, name, &numbers)
    }

    /// A reference to the bias of a layer, or to zeros.
    fn bias(&mut self, path: &str, length: usize) -> String {
        match self.numbers(path, "bias").map(|bias| self.writer.constant(path, "bias", &bias)) {
            Some(Ok(name)) => format!("&{name}"),
            _ => format!("&[0.0; {length}]"),
        }
    }
}

fn describe(layer: &AnyLayer, path: &str) -> String {
    use downhill_nn::Layer;
    let kind = layer.kind();
    if path.is_empty() { format!("{kind}:") } else { format!("layer {path}, {kind}:") }
}

fn refused(layer: &AnyLayer, path: &str, reason: &str) -> Error {
    use downhill_nn::Layer;
    let place = if path.is_empty() { "at the top".into() } else { format!("'{path}'") };
    Error::NotExportable {
        format: "Rust",
        what: format!("the layer {place} ({})", layer.kind()),
        reason: format!("{reason}; `onnx` takes more"),
    }
}
