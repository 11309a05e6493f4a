//! Steps on a few rows of large tables, whose gradient is 0 everywhere else.
//!
//! A rule's formula is applied to the rows that were seen, and to nothing else of the table. That is the whole
//! step for rules that leave alone what has no gradient, and the lazy form of others: [`RowSteps`].

use crate::groups::Segment;
use crate::optimizer::slots;
use crate::{Error, MAX_SLOTS, Optimizer, Piece, Result, RowSteps, Rule, Step};
use downhill_tensor::Float;

/// About how many elements are gathered before the formula is applied to them: few enough to stay near.
const BLOCK: usize = 4096;

/// The gradient of one parameter, a table `[count, width]`, of which few rows are not 0.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    /// Where the table begins in the vector of all parameters.
    pub offset: usize,
    /// The number of its rows.
    pub count: usize,
    /// The length of a row.
    pub width: usize,
    /// The numbers of the rows. One that occurs several times has the sum of its values as its gradient.
    pub indices: &'a [i64],
    /// The values of each, `width` for each index.
    pub values: &'a [T],
}

impl<T> Rows<'_, T> {
    /// Where the table ends in the vector of all parameters.
    fn end(&self) -> usize {
        self.offset + self.count * self.width
    }

    /// Refuses rows that are not there; `start` is where the table before ends, `len` where all do.
    fn check(&self, start: usize, len: usize) -> Result<()> {
        let refuse = |reason: String| Err(Error::Rows { offset: self.offset, reason });
        let end = self.count.checked_mul(self.width).and_then(|size| size.checked_add(self.offset));
        if self.offset < start || end.is_none_or(|end| end > len) {
            let (count, width) = (self.count, self.width);
            return refuse(format!("a table [{count}, {width}] must lie within {start}..{len}, in order"));
        }
        if self.indices.len().checked_mul(self.width) != Some(self.values.len()) {
            let (values, indices, width) = (self.values.len(), self.indices.len(), self.width);
            return refuse(format!("there are {values} values for {indices} rows of {width}"));
        }
        match self.indices.iter().find(|&&index| usize::try_from(index).map_or(true, |row| row >= self.count))
        {
            Some(index) => refuse(format!("there is no row {index}: there are {}", self.count)),
            None => Ok(()),
        }
    }
}

/// The distinct rows of a step with their summed gradients, in memory that is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenRows<T> {
    /// For each hash the place of its row in `rows`, one more than it; 0 for none.
    table: Vec<usize>,
    rows: Vec<usize>,
    gradient: Vec<T>,
    parameters: Vec<T>,
    state: [Vec<T>; MAX_SLOTS],
}

impl<T> PartialEq for SeenRows<T> {
    /// What is left from the last step makes no difference.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T: Float> SeenRows<T> {
    /// Takes up the rows in the order of their first occurrence, the values of those that occur again added.
    fn collect(&mut self, rows: &Rows<'_, T>) {
        let width = rows.width;
        let size = (2 * rows.indices.len()).next_power_of_two();
        self.table.clear();
        self.table.resize(size, 0);
        self.rows.clear();
        self.gradient.clear();
        for (position, &index) in rows.indices.iter().enumerate() {
            let values = &rows.values[position * width..][..width];
            let row = index as usize;
            let mut at = (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) & (size - 1);
            loop {
                match self.table[at] {
                    0 => {
                        self.rows.push(row);
                        self.table[at] = self.rows.len();
                        self.gradient.extend_from_slice(values);
                        break;
                    }
                    known if self.rows[known - 1] == row => {
                        let sum = &mut self.gradient[(known - 1) * width..][..width];
                        sum.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value);
                        break;
                    }
                    _ => at = (at + 1) & (size - 1),
                }
            }
        }
    }

    /// Applies the rule to these rows of a table, which `piece` is (without its gradient).
    fn apply(&mut self, rule: &impl Rule, step: &Step, width: usize, piece: Piece<'_, T>) {
        let Piece { parameters, mut state, ascends, .. } = piece;
        let block = (BLOCK / width).max(1);
        for (rows, gradient) in self.rows.chunks(block).zip(self.gradient.chunks(block * width)) {
            gather(rows, width, parameters, &mut self.parameters);
            for (own, slot) in self.state.iter_mut().zip(&state) {
                gather(rows, width, slot, own);
            }
            let gathered = Piece {
                parameters: &mut self.parameters,
                gradient,
                state: self.state.each_mut().map(|slot| &mut slot[..]),
                ascends,
                parameter: None,
            };
            rule.update(step, gathered);
            put_back(rows, width, &self.parameters, parameters);
            for (own, slot) in self.state.iter().zip(&mut state) {
                put_back(rows, width, own, slot);
            }
        }
    }
}

/// Copies rows of a table one after the other; none of a slot that the rule does not have.
fn gather<T: Copy>(rows: &[usize], width: usize, table: &[T], gathered: &mut Vec<T>) {
    gathered.clear();
    if !table.is_empty() {
        rows.iter().for_each(|row| gathered.extend_from_slice(&table[row * width..][..width]));
    }
}

/// Copies rows back to where [`gather`] took them from.
fn put_back<T: Copy>(rows: &[usize], width: usize, gathered: &[T], table: &mut [T]) {
    for (row, values) in rows.iter().zip(gathered.chunks_exact(width)) {
        table[row * width..][..width].copy_from_slice(values);
    }
}

impl<T: Float, R: Rule> Optimizer<T, R> {
    /// How a step on rows would go: [`Rule::row_steps`], and `Never` where something decays.
    pub fn row_steps(&self) -> RowSteps {
        let decays = self.segments.iter().any(|segment| segment.weight_decay != 0.0 && !segment.frozen);
        if decays { RowSteps::Never } else { self.rule.row_steps() }
    }

    /// Makes one step in which the gradient of some parameters is given as rows, in the order of their
    /// offsets; `gradient` is that of all others, one after the other. The learning rate is multiplied by
    /// `factor`.
    ///
    /// Of the tables only these rows are read and written, with their state. Rules for which
    /// [`row_steps`](Self::row_steps) is [`RowSteps::Exactly`] move as on the whole gradient, those that say
    /// [`RowSteps::Lazily`] in their lazy form, in which the state of a row that was not seen stays as it is.
    /// Allocates nothing once it has seen as many rows before.
    ///
    /// # Errors
    /// A rule that cannot leave rows out; rows or slices that do not fit; a factor that is negative or not
    /// finite. Then nothing has changed.
    ///
    /// ```
    /// use downhill_optim::{Adagrad, Optimizer, Rows};
    /// // A table [3, 2] and a bias.
    /// let mut parameters = [1.0_f32; 7];
    /// let mut optimizer = Optimizer::new(Adagrad { learning_rate: 0.5, ..Adagrad::default() }, 7)?;
    /// let rows = Rows { offset: 0, count: 3, width: 2, indices: &[2, 2], values: &[1.0, 1.0, 0.0, 3.0] };
    /// optimizer.step_rows(&mut parameters, &[0.0], &[rows], 1.0)?;
    /// assert_eq!(parameters, [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0]);
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    pub fn step_rows(
        &mut self,
        parameters: &mut [T],
        gradient: &[T],
        rows: &[Rows<'_, T>],
        factor: f64,
    ) -> Result<()> {
        if self.row_steps() == RowSteps::Never {
            let reason = "a row without a gradient moves by momentum or decay, so it needs the whole gradient; \
                          leave momentum and weight decay out, or make the step on all rows";
            return Err(Error::Conflict { owner: self.rule.name().into(), reason });
        }
        let mut end = 0;
        for table in rows {
            table.check(end, self.len())?;
            end = table.end();
            let alike = |segment: &&Segment| segment.end > table.offset;
            if self.segments.iter().find(alike).is_some_and(|segment| segment.end < end) {
                let reason = "a table must belong to one parameter group".into();
                return Err(Error::Rows { offset: table.offset, reason });
            }
        }
        let given =
            rows.iter().fold(gradient.len(), |sum, table| sum.saturating_add(table.count * table.width));
        self.check_step(parameters.len(), given, factor)?;
        let all_parameters = self.begin_step(factor);
        let ascends = self.rule.maximizes();
        let (rule, seen) = (&self.rule, &mut self.seen);
        let mut all = slots(&mut self.state);
        // What belongs to `start..end` of the parameters; `gradient` is that of a part that has one.
        let mut part = |start: usize, end: usize, gradient, apply: &mut dyn FnMut(Piece<'_, T>)| {
            let state = all.each_mut().map(|slot| match slot.is_empty() {
                true => &mut [][..],
                false => &mut slot[start..end],
            });
            let parameters = &mut parameters[start..end];
            apply(Piece { parameters, gradient, state, ascends, parameter: None });
        };
        let (mut position, mut rest) = (0, gradient);
        let mut tables = rows.iter().peekable();
        let mut segments = self.segments.iter().peekable();
        while let Some(&segment) = segments.peek() {
            let step = segment.step(&all_parameters);
            if let Some(table) = tables.next_if(|table| table.offset == position && table.end() > position) {
                if !segment.frozen && !table.indices.is_empty() {
                    seen.collect(table);
                    part(position, table.end(), &[], &mut |piece| {
                        seen.apply(rule, &step, table.width, piece)
                    });
                }
                position = table.end();
            } else if tables.next_if(|table| table.offset == position).is_some() {
                // A table without elements.
            } else {
                let next = tables.peek().map_or(usize::MAX, |table| table.offset);
                let (end, start) = (segment.end.min(next), position);
                let (own, later) = rest.split_at(end - start);
                (rest, position) = (later, end);
                if !segment.frozen && end > start {
                    part(start, end, own, &mut |piece| rule.update(&step, piece));
                }
            }
            while segments.next_if(|segment| segment.end <= position).is_some() {}
        }
        Ok(())
    }
}
