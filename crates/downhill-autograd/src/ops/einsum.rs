//! Sums of products by index letters: compositions of permutations, reshapes, matrix products and sums.

use crate::{Error, Tape, Var};

/// An operand with a name for each of its axes, each name once.
#[derive(Clone)]
struct Named<'t> {
    value: Var<'t>,
    names: Vec<char>,
}

/// The names behind letters, for the axes of an ellipsis: the last axis is number 0.
fn unnamed(from_the_end: usize) -> char {
    char::from_digit(from_the_end as u32, 10).unwrap_or('?')
}

impl Tape {
    /// `Σ` of products by Einstein's convention: `"ij,jk->ik"` is the product of two matrices, `"bij,bjk->bik"` that
    /// of batches, `"ii->i"` a diagonal, `"i,j->ij"` an outer product. Letters are axes; what does not stand behind
    /// the arrow is summed over. Without an arrow the result has the letters that occur once, in alphabetical order,
    /// behind the axes of an ellipsis. `...` stands for further axes, which broadcast.
    ///
    /// Operands are joined from left to right, each pair in one product of matrices: with more than two, their order
    /// decides about the work.
    ///
    /// # Source
    /// NumPy's `einsum`.
    #[track_caller]
    pub fn einsum<'t>(&'t self, formula: &str, operands: &[Var<'t>]) -> Var<'t> {
        if operands.iter().any(|operand| !std::ptr::eq(operand.tape(), self)) {
            return self.fail(Error::ForeignVar { operation: "einsum".into(), place: self.here() });
        }
        if operands.iter().any(|operand| operand.is_poison()) {
            return self.poison();
        }
        match einsum(formula, operands) {
            Ok(value) => value,
            Err(expected) => self.fail(Error::Operands {
                operation: "einsum".into(),
                inputs: operands.iter().map(|operand| operand.ty()).collect(),
                expected: format!("in `{formula}`, {expected}"),
                place: self.here(),
            }),
        }
    }
}

#[track_caller]
fn einsum<'t>(formula: &str, operands: &[Var<'t>]) -> Result<Var<'t>, String> {
    let formula: String = formula.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match formula.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (formula.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != operands.len() {
        return Err(format!("there must be {} operands, one for each term", terms.len()));
    }
    let mut named = Vec::new();
    for (term, operand) in terms.iter().zip(operands) {
        named.push(without_repetitions(name_axes(term, *operand)?)?);
    }
    let result = match right {
        Some(right) => named_result(right, &named)?,
        None => [ellipsis_names(&named), implied_result(left)].concat(),
    };
    check_lengths(&named)?;
    let mut rest = named.into_iter();
    let Some(mut product) = rest.next() else { return Err("there must be an operand".into()) };
    let mut rest: Vec<Named<'t>> = rest.collect();
    while !rest.is_empty() {
        let next = rest.remove(0);
        let needed =
            |name: &char| result.contains(name) || rest.iter().any(|other| other.names.contains(name));
        product = multiply(product, next, needed);
    }
    let product = summed_over_all_but(product, |name| result.contains(name));
    let order: Vec<usize> =
        result.iter().filter_map(|name| product.names.iter().position(|own| own == name)).collect();
    Ok(permuted(product.value, &order))
}

/// The axes of an operand by the letters of its term.
fn name_axes<'t>(term: &str, value: Var<'t>) -> Result<Named<'t>, String> {
    let rank = value.rank();
    let letters = |text: &str| -> Result<Vec<char>, String> {
        match text.chars().find(|c| !c.is_ascii_alphabetic()) {
            Some(c) => Err(format!("axes are named by letters, not by `{c}`")),
            None => Ok(text.chars().collect()),
        }
    };
    let names = match term.split_once("...") {
        None => letters(term)?,
        Some((before, after)) => {
            let (before, after) = (letters(before)?, letters(after)?);
            let Some(free) = rank.checked_sub(before.len() + after.len()) else {
                return Err(format!("`{term}` names more axes than the {rank} of its operand"));
            };
            [before, (0..free).rev().map(unnamed).collect(), after].concat()
        }
    };
    if names.len() != rank {
        return Err(format!("`{term}` names {} axes, but its operand has {rank}", names.len()));
    }
    Ok(Named { value, names })
}

/// An operand in which a letter occurs twice is read along its diagonal.
#[track_caller]
fn without_repetitions(mut operand: Named<'_>) -> Result<Named<'_>, String> {
    'again: loop {
        for second in 0..operand.names.len() {
            let name = operand.names[second];
            let Some(first) = operand.names[..second].iter().position(|&own| own == name) else { continue };
            if operand.value.shape()[first] != operand.value.shape()[second] {
                return Err(format!("both axes `{name}` of an operand must be equally long"));
            }
            let rest = (0..operand.names.len()).filter(|&axis| axis != first && axis != second);
            let order: Vec<usize> = rest.clone().chain([first, second]).collect();
            let names = rest.map(|axis| operand.names[axis]).chain([name]).collect();
            operand = Named { value: permuted(operand.value, &order).diagonal(0), names };
            continue 'again;
        }
        return Ok(operand);
    }
}

fn ellipsis_names(operands: &[Named<'_>]) -> Vec<char> {
    let count = |operand: &Named<'_>| operand.names.iter().filter(|name| !name.is_ascii_alphabetic()).count();
    (0..operands.iter().map(count).max().unwrap_or(0)).rev().map(unnamed).collect()
}

fn named_result(right: &str, operands: &[Named<'_>]) -> Result<Vec<char>, String> {
    let names: Vec<char> = match right.split_once("...") {
        None => right.chars().collect(),
        Some((before, after)) => {
            [before.chars().collect(), ellipsis_names(operands), after.chars().collect()].concat()
        }
    };
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            return Err(format!("`{name}` occurs twice in the result"));
        }
        if !operands.iter().any(|operand| operand.names.contains(name)) {
            return Err(format!("`{name}` of the result occurs in no operand"));
        }
    }
    Ok(names)
}

/// The letters that occur once, in alphabetical order.
fn implied_result(left: &str) -> Vec<char> {
    let mut names: Vec<char> = left.chars().filter(char::is_ascii_alphabetic).collect();
    names.sort_unstable();
    let once = |name: &char| left.chars().filter(|c| c == name).count() == 1;
    names.into_iter().filter(once).collect()
}

fn check_lengths(operands: &[Named<'_>]) -> Result<(), String> {
    let lengths = |name: char| {
        operands.iter().filter_map(move |operand| {
            operand.names.iter().position(|&own| own == name).map(|axis| operand.value.shape()[axis])
        })
    };
    for name in operands.iter().flat_map(|operand| operand.names.iter().copied()) {
        let length = lengths(name).find(|&length| length != 1).unwrap_or(1);
        // As in NumPy, an axis of length 1 broadcasts.
        if let Some(other) = lengths(name).find(|&other| other != length && other != 1) {
            return Err(format!("axis `{name}` is {length} long in one operand and {other} in another"));
        }
    }
    Ok(())
}

#[track_caller]
fn permuted<'t>(value: Var<'t>, order: &[usize]) -> Var<'t> {
    if order.is_sorted() { value } else { value.permute(order) }
}

#[track_caller]
fn summed_over_all_but<'t>(operand: Named<'t>, keep: impl Fn(&char) -> bool) -> Named<'t> {
    let axes: Vec<isize> = (0..operand.names.len())
        .filter(|&axis| !keep(&operand.names[axis]))
        .map(|axis| axis as isize)
        .collect();
    if axes.is_empty() {
        return operand;
    }
    let names = operand.names.iter().copied().filter(|name| keep(name)).collect();
    Named { value: operand.value.sum_over(&axes), names }
}

/// The product of two operands, summed over what is not needed: one product of matrices.
#[track_caller]
fn multiply<'t>(a: Named<'t>, b: Named<'t>, needed: impl Fn(&char) -> bool) -> Named<'t> {
    let a = summed_over_all_but(a, |name| needed(name) || b.names.contains(name));
    let b = summed_over_all_but(b, |name| needed(name) || a.names.contains(name));
    let shared: Vec<char> = a.names.iter().copied().filter(|name| b.names.contains(name)).collect();
    // Shared axes of which one has length 1 are repeated first, so that all products are over equal lengths.
    let (a, b) = (stretched(a, &b), b);
    let b = stretched(b, &a);
    let (batch, inner): (Vec<char>, Vec<char>) = shared.iter().partition(|name| needed(name));
    let only = |own: &Named<'t>, other: &Named<'t>| -> Vec<char> {
        own.names.iter().copied().filter(|name| !other.names.contains(name)).collect()
    };
    let (rows, columns) = (only(&a, &b), only(&b, &a));
    let arranged = |operand: &Named<'t>, groups: [&[char]; 3]| {
        let place = |name: &char| operand.names.iter().position(|own| own == name).unwrap_or(0);
        let order: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(place)).collect();
        let size =
            |group: &[char]| group.iter().map(|name| operand.value.shape()[place(name)]).product::<usize>();
        permuted(operand.value, &order).reshape(groups.map(size))
    };
    let left = arranged(&a, [&batch, &rows, &inner]);
    let right = arranged(&b, [&batch, &inner, &columns]);
    let length = |name: &char| {
        let own = a.names.iter().position(|own| own == name).map(|axis| a.value.shape()[axis]);
        own.or_else(|| b.names.iter().position(|own| own == name).map(|axis| b.value.shape()[axis]))
            .unwrap_or(1)
    };
    let names: Vec<char> = [batch, rows, columns].concat();
    let dims: Vec<usize> = names.iter().map(length).collect();
    // Without a sum, a product of elements is enough.
    let value = if inner.is_empty() { left * right } else { left.matmul(right) };
    Named { value: value.reshape_dims(&dims), names }
}

/// `a` with its axes of length 1 repeated to the length that they have in `b`.
#[track_caller]
fn stretched<'t>(a: Named<'t>, b: &Named<'t>) -> Named<'t> {
    let length = |(axis, name): (usize, &char)| {
        let other = b.names.iter().position(|own| own == name).map(|axis| b.value.shape()[axis]);
        match (a.value.shape()[axis], other) {
            (1, Some(length)) => length,
            (length, _) => length,
        }
    };
    let dims: Vec<usize> = a.names.iter().enumerate().map(length).collect();
    match downhill_tensor::Shape::new(&dims) {
        Ok(shape) => Named { value: a.value.broadcast_to(shape), ..a },
        Err(error) => Named { value: a.value.refuse("einsum", error.to_string()), ..a },
    }
}

impl<'t> Var<'t> {
    /// The sum of the products of the elements of two vectors.
    #[track_caller]
    pub fn dot(self, other: Var<'t>) -> Var<'t> {
        let vectors = self.rank() == 1 && other.rank() == 1;
        if !vectors && !self.is_poison() && !other.is_poison() {
            return self.refuse("dot", "both must be vectors; `matmul` multiplies what has more axes");
        }
        self.matmul(other)
    }

    /// The products of each element of a vector with each of another: `[m]` and `[n]` give `[m, n]`.
    #[track_caller]
    pub fn outer(self, other: Var<'t>) -> Var<'t> {
        let vectors = self.rank() == 1 && other.rank() == 1;
        if !vectors && !self.is_poison() && !other.is_poison() {
            return self.refuse("outer", "both must be vectors");
        }
        self.unsqueeze(-1) * other.unsqueeze(0)
    }
}
