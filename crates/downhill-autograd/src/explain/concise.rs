//! An explanation without the steps that change nothing.

use super::{Explained, Explanation, Formula, Path, Role, formula};

impl Explanation {
    /// The same explanation in fewer steps, as it is written on a board:
    ///
    /// - what only copies a value (a change of shape, a sum of one element, a product with 1) is that value;
    /// - a product of matrices and the addition of a given value behind it are one step, `z = x · W + b`.
    ///
    /// The derivatives along what is left out are 1, so all gradients and sums stay as they are.
    #[must_use]
    pub fn concise(mut self) -> Self {
        while let Some((value, copy)) = self.find_copy() {
            self.drop_copy(value, copy);
        }
        while let Some((product, sum)) = self.find_product() {
            self.absorb(product, sum);
        }
        formula::name(&mut self.values);
        self
    }

    /// A value and what only copies it.
    fn find_copy(&self) -> Option<(usize, usize)> {
        let copied = |copy: usize| {
            let Formula::Apply(name, operands) = &self.values[copy].made else { return None };
            let value = match (*name, operands.as_slice()) {
                ("reshape" | "broadcast_to" | "permute" | "sum", [Formula::Value(value)]) => *value,
                ("mul", [Formula::Value(value), Formula::Number(1.0)]) => *value,
                ("mul", [Formula::Number(1.0), Formula::Value(value)]) => *value,
                _ => return None,
            };
            let (from, to) = (&self.values[value], &self.values[copy]);
            let given_loss = to.role == Role::Loss && from.role != Role::Computed;
            (from.numbers == to.numbers && !given_loss && self.is_one(value, copy)).then_some((value, copy))
        };
        (0..self.values.len()).find_map(copied)
    }

    /// Whether there is one path between two values, along which all derivatives are 1 or 0, an element by its own.
    /// Where nothing depends on an input there is no path, and nothing to lose.
    fn is_one(&self, value: usize, consumer: usize) -> bool {
        let Some(gradient) = &self.values[value].gradient else { return true };
        let mut paths = gradient.paths.iter().filter(|path| path.consumer == consumer);
        let first =
            paths.next().is_some_and(|path| path.local.as_ref().is_some_and(|local| local.is_identity()));
        first && paths.next().is_none()
    }

    fn drop_copy(&mut self, value: usize, copy: usize) {
        let gone = self.values[copy].clone();
        let kept = &mut self.values[value];
        if gone.role == Role::Loss {
            (kept.role, kept.shape) = (Role::Loss, gone.shape);
        }
        match (&mut kept.gradient, gone.gradient) {
            (Some(own), Some(of_copy)) => {
                let before = std::mem::take(&mut own.paths);
                for path in before {
                    if path.consumer == copy {
                        own.paths.extend(of_copy.paths.clone())
                    } else {
                        own.paths.push(path)
                    }
                }
            }
            (own, _) => *own = own.take(),
        }
        self.remove(copy, &Formula::Value(value), value);
    }

    /// A product of matrices, and the sum of it with a given value, which is all that it is used for.
    fn find_product(&self) -> Option<(usize, usize)> {
        let of = |sum: usize| {
            let [a, b] = self.values[sum].made.operands_of("add")? else { return None };
            let given = |formula: &Formula| matches!(formula, Formula::Value(v) if self.values[*v].made == Formula::Given);
            let product = match (a, b) {
                (Formula::Value(product), b) if given(b) => *product,
                (a, Formula::Value(product)) if given(a) => *product,
                _ => return None,
            };
            self.values[product].made.operands_of("matmul")?;
            let only = |value: &Explained| !uses(&value.made, product);
            let alone = self.values.iter().enumerate().all(|(number, value)| number == sum || only(value));
            (alone && self.is_one(product, sum)).then_some((product, sum))
        };
        (0..self.values.len()).find_map(of)
    }

    fn absorb(&mut self, product: usize, sum: usize) {
        let formula = self.values[product].made.clone();
        let Formula::Apply(_, factors) = &formula else { return };
        let first =
            matches!(self.values[sum].made.operands_of("add"), Some([Formula::Value(v), _]) if *v == product);
        let more = factors.len() - 1;
        for value in &mut self.values {
            for path in value.gradient.iter_mut().flat_map(|gradient| &mut gradient.paths) {
                if path.consumer == product {
                    *path =
                        Path { consumer: sum, operand: path.operand + usize::from(!first), ..path.clone() };
                } else if path.consumer == sum && first {
                    path.operand += more;
                }
            }
        }
        self.remove(product, &formula, sum);
    }

    /// Removes a value: in formulas `instead` stands for it, and nothing else points to it but `to`'s paths.
    fn remove(&mut self, gone: usize, instead: &Formula, to: usize) {
        for value in &mut self.values {
            value.made =
                value.made.replaced(&|v| if v == gone { instead.clone() } else { Formula::Value(v) });
        }
        self.values.remove(gone);
        let moved = |number: usize| if number > gone { number - 1 } else { number };
        for value in &mut self.values {
            value.made = value.made.replaced(&|v| Formula::Value(moved(v)));
            for path in value.gradient.iter_mut().flat_map(|gradient| &mut gradient.paths) {
                path.consumer = moved(path.consumer);
            }
        }
        self.loss = moved(if self.loss == gone { to } else { self.loss });
    }
}

fn uses(formula: &Formula, number: usize) -> bool {
    match formula {
        Formula::Value(v) => *v == number,
        Formula::Apply(_, operands) => operands.iter().any(|operand| uses(operand, number)),
        _ => false,
    }
}
