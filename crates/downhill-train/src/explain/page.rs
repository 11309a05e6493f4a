//! The explanation as a page to look at.

use super::{StepByStep, Update};
use crate::page::{Cell, Page, Section, Table};
use downhill_autograd::explain::{Explained, Role, Summary};

impl StepByStep {
    /// The page: the network as a drawing if it is small enough, the values of the forward pass, the backward pass term
    /// by term, and the step. `layer` shows the values of one layer alone.
    pub fn page(&self, title: &str, lead: &str, layer: Option<&str>) -> Page {
        let shown = |value: &Explained| layer.is_none_or(|layer| value.belongs_to(layer));
        let mut page = Page::new(title, lead);
        if let Some(diagram) = self.diagram().filter(|_| layer.is_none()) {
            page = page.section(Section::new("The network").figure(diagram.figure()));
        }
        page.section(self.forward(&shown)).section(self.backward(layer)).section(self.step(layer))
    }

    fn forward(&self, shown: &dyn Fn(&Explained) -> bool) -> Section {
        let values = &self.explanation.values;
        let mut table = Table::new("", ["value", "how it comes about", "in numbers", "number"]);
        for value in values.iter().filter(|value| shown(value)) {
            if value.numbers.len() > self.explanation.elements {
                let Summary { elements, norm, .. } = Summary::of(&value.numbers);
                let size = format!("{elements} numbers, of which the squares' root sum is here");
                table.push([
                    Cell::from(&value.name),
                    value.formula.as_str().into(),
                    size.into(),
                    norm.into(),
                ]);
                continue;
            }
            for (element, &number) in value.numbers.iter().enumerate() {
                let worked = value.worked(values, element, &crate::page::readable);
                let formula = if element == 0 { value.formula.as_str() } else { "" };
                table.push([
                    Cell::from(value.element(element)),
                    formula.into(),
                    worked.into(),
                    number.into(),
                ]);
            }
        }
        Section::new("Forward: from the input to the loss")
            .paragraph(
                "Every value follows from those before it. z is an affine map x · W + b, a an activation of it; what is \
                 given, the input, the target and the parameters, has no formula.",
            )
            .table(table)
    }

    /// The terms of the backward pass, from the loss to the parameters: for each path the derivative that arrives, the
    /// local derivative and their product, and in the last line of each element their sum beside the central
    /// difference. Of a value with too many elements there is one line, with the norm of its derivative.
    pub fn terms(&self, layer: Option<&str>) -> Table {
        let values = &self.explanation.values;
        let heading =
            ["derivative of the loss by", "through", "arriving", "local", "product", "sum", "by difference"];
        let mut table = Table::new("", heading);
        let rest = |table: &mut Table, name: String, sum: f64, difference: Option<f64>| {
            let empty = || Cell::Empty;
            table.push([name.into(), empty(), empty(), empty(), empty(), sum.into(), difference.into()]);
        };
        let shown = values.iter().enumerate().rev();
        for (number, value) in shown.filter(|(_, value)| layer.is_none_or(|layer| value.belongs_to(layer))) {
            let Some(gradient) = &value.gradient else { continue };
            let difference = |element: usize| gradient.finite_difference.as_ref().map(|found| found[element]);
            if value.numbers.len() > self.explanation.elements {
                let Summary { elements, norm, .. } = Summary::of(&gradient.sum);
                rest(&mut table, format!("{}, {elements} numbers: their norm", value.name), norm, None);
                continue;
            }
            for (element, &sum) in gradient.sum.iter().enumerate() {
                let terms = self.explanation.terms(number, element);
                if value.role == Role::Loss || terms.is_empty() {
                    rest(&mut table, value.element(element), sum, difference(element));
                }
                for (index, term) in terms.iter().enumerate() {
                    let last = index + 1 == terms.len();
                    table.push([
                        Cell::from(value.element(element)),
                        values[term.consumer].element(term.element).into(),
                        term.arriving.into(),
                        term.local.into(),
                        term.product.into(),
                        last.then_some(sum).into(),
                        last.then(|| difference(element)).flatten().into(),
                    ]);
                }
            }
        }
        table
    }

    fn backward(&self, layer: Option<&str>) -> Section {
        let (apart, _, _) = self.explanation.largest_disagreement();
        Section::new("Backward: the chain rule, path by path")
            .paragraph(
                "From the loss back to the parameters. A value acts on the loss through every value that is computed \
                 from it: each of these paths gives the derivative that arrives there times the local derivative, and \
                 their sum is the derivative of the loss by the value.",
            )
            .paragraph(
                "Beside each sum stands a central difference: the network carried out again from that value on, with \
                 the value a little larger and a little smaller. It knows nothing of the chain rule.",
            )
            .table(self.terms(layer))
            .facts([
                ("sums and differences are apart by at most", format!("{apart:.1e}")),
                ("sums and the reverse mode of the library by at most", format!("{:.1e}", self.reverse_mode_apart)),
            ])
    }

    fn step(&self, layer: Option<&str>) -> Section {
        let section = Section::new("The step: new parameters");
        let section = section.paragraph(format!(
            "Gradient descent subtracts from each parameter the learning rate, {}, times the derivative. \
             Backpropagation has found the derivatives; what is done with them is the optimizer's business.",
            self.descent.learning_rate
        ));
        let mut section = self.moves(section, &self.descent, layer);
        if let Some(own) = &self.optimizer {
            section = section.paragraph(format!(
                "The first step of {} at learning rate {}, which has no earlier gradients to remember:",
                own.rule.replace('_', " "),
                own.learning_rate
            ));
            section = self.moves(section, own, layer);
        }
        section
    }

    fn moves(&self, section: Section, update: &Update, layer: Option<&str>) -> Section {
        let mut table = Table::new("", ["parameter", "before", "derivative", "change", "after"]);
        let most = self.explanation.elements;
        let own = update.moves.iter().filter(|step| layer.is_none_or(|layer| step.belongs_to(layer)));
        for step in own.clone().take(most) {
            let change = step.after - step.before;
            table.push([
                Cell::from(&step.parameter),
                step.before.into(),
                step.gradient.into(),
                change.into(),
                step.after.into(),
            ]);
        }
        let left = own.count().saturating_sub(most);
        let section = section.table(table);
        let section = match left {
            0 => section,
            left => section.paragraph(format!("{left} more parameters are not shown.")),
        };
        section.facts([
            ("loss before", crate::page::readable(self.loss)),
            ("loss after", crate::page::readable(update.loss_after)),
        ])
    }
}
