/// `y = x W + b` for each row of `x`; `weight` holds the rows of W, one for each input.
fn linear(x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let (inputs, outputs) = (weight.len() / bias.len(), bias.len());
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
        y.copy_from_slice(bias);
        for (x, row) in x.iter().zip(weight.chunks_exact(outputs)) {
            for (y, w) in y.iter_mut().zip(row) {
                *y += x * w;
            }
        }
    }
}

/// An image of one or more channels, and how a window moves over it; all as `[vertical, horizontal]`.
struct Window {
    /// The size of a channel.
    size: [usize; 2],
    /// The size of the window.
    kernel: [usize; 2],
    /// The distance between neighbouring windows.
    stride: [usize; 2],
    /// The margin on both sides.
    padding: [usize; 2],
    /// The distance between neighbouring elements of a window.
    dilation: [usize; 2],
    /// How many windows there are.
    windows: [usize; 2],
}

impl Window {
    /// Where in a channel the element `[p, q]` of the window `[i, j]` is; nothing in the margin.
    fn position(&self, [i, j]: [usize; 2], [p, q]: [usize; 2]) -> Option<usize> {
        let row = (i * self.stride[0] + p * self.dilation[0]).wrapping_sub(self.padding[0]);
        let column = (j * self.stride[1] + q * self.dilation[1]).wrapping_sub(self.padding[1]);
        (row < self.size[0] && column < self.size[1]).then_some(row * self.size[1] + column)
    }
}

/// A convolution: a weighted sum over each window, through the channels of its group; `weight` is
/// `[outputs, channels / groups, kernel..]`.
fn convolve(x: &[f32], window: &Window, groups: usize, weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let plane = window.size[0] * window.size[1];
    let (channels, outputs) = (x.len() / plane / groups, bias.len());
    let [height, width] = window.kernel;
    let mut results = y.iter_mut();
    for (output, bias) in bias.iter().enumerate() {
        let first = output / (outputs / groups) * channels;
        for i in 0..window.windows[0] {
            for j in 0..window.windows[1] {
                let mut sum = *bias;
                for channel in 0..channels {
                    let x = &x[(first + channel) * plane..][..plane];
                    let weight = &weight[(output * channels + channel) * height * width..][..height * width];
                    for p in 0..height {
                        for q in 0..width {
                            if let Some(position) = window.position([i, j], [p, q]) {
                                sum += weight[p * width + q] * x[position];
                            }
                        }
                    }
                }
                if let Some(y) = results.next() {
                    *y = sum;
                }
            }
        }
    }
}

/// The largest element of each window, or the mean with zeros in the margin.
fn pool(x: &[f32], window: &Window, largest: bool, y: &mut [f32]) {
    let area = (window.kernel[0] * window.kernel[1]) as f32;
    let mut results = y.iter_mut();
    for x in x.chunks_exact(window.size[0] * window.size[1]) {
        for i in 0..window.windows[0] {
            for j in 0..window.windows[1] {
                let (mut most, mut sum) = (f32::NEG_INFINITY, 0.0);
                for p in 0..window.kernel[0] {
                    for q in 0..window.kernel[1] {
                        if let Some(position) = window.position([i, j], [p, q]) {
                            most = most.max(x[position]);
                            sum += x[position];
                        }
                    }
                }
                if let Some(y) = results.next() {
                    *y = if largest { most } else { sum / area };
                }
            }
        }
    }
}

/// The mean of each channel.
fn mean_of_channels(x: &[f32], y: &mut [f32]) {
    let plane = x.len() / y.len();
    for (y, x) in y.iter_mut().zip(x.chunks_exact(plane)) {
        *y = x.iter().sum::<f32>() / plane as f32;
    }
}

/// Each channel times a number plus a number: batch normalization with its running statistics.
fn scale_channels(x: &mut [f32], scale: &[f32], shift: &[f32]) {
    let plane = x.len() / scale.len();
    for (x, (scale, shift)) in x.chunks_exact_mut(plane).zip(scale.iter().zip(shift)) {
        x.iter_mut().for_each(|x| *x = *x * scale + shift);
    }
}

/// Each row shifted and scaled to mean 0 and variance 1, then element by element by learned numbers.
fn normalize(x: &mut [f32], epsilon: f32, weight: &[f32], bias: &[f32]) {
    let width = weight.len();
    for row in x.chunks_exact_mut(width) {
        let mean = row.iter().sum::<f32>() / width as f32;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for (x, (weight, bias)) in row.iter_mut().zip(weight.iter().zip(bias)) {
            *x = (*x - mean) * scale * weight + bias;
        }
    }
}

/// The sum with what was there before.
fn add(x: &mut [f32], before: &[f32]) {
    x.iter_mut().zip(before).for_each(|(x, before)| *x += before);
}

/// max(x, 0)
fn relu(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
}

/// x above 0, and `slope` x below.
fn leaky_relu(x: &mut [f32], slope: f32) {
    x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { slope * *x });
}

/// 1 / (1 + exp(-x))
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The logistic function of each element.
fn sigmoid(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = logistic(*x));
}

/// The hyperbolic tangent of each element.
fn tanh(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.tanh());
}

/// x times the logistic function of x.
fn silu(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x *= logistic(*x));
}

/// The error function to 2e-7: Abramowitz and Stegun, "Handbook of mathematical functions", 7.1.26.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let polynomial = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let sum = polynomial.iter().fold(0.0, |sum, c| (sum + c) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

/// x (1 + erf(x / √2)) / 2
fn gelu(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x *= 0.5 * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2)));
}

/// exp(x) over its sum, in each row of this width.
fn softmax(x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|x| *x = (*x - largest).exp());
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= sum);
    }
}

/// The share of each number in the sum of those above 0; equal shares where there are none.
fn shares(x: &mut [f32]) {
    let (count, sum) = (x.len() as f32, x.iter().map(|x| x.max(0.0)).sum::<f32>());
    x.iter_mut().for_each(|x| *x = if sum > 0.0 { x.max(0.0) / sum } else { 1.0 / count });
}
