//! A number that tells whether data is still the same.

use crate::{ColumnKind, Features, InMemory};

/// An odd constant with bits all over: the golden ratio of 2⁶⁴ (Knuth, *The Art of Computer Programming*, 6.4).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Words taken in one after the other.
struct Fingerprint(u64);

impl Fingerprint {
    /// Each step can be undone, so a single word that differs always shows.
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(MULTIPLIER);
        self.0 ^= self.0 >> 32;
    }

    fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        text.bytes().for_each(|byte| self.word(u64::from(byte)));
    }
}

impl InMemory {
    /// A number made of all names, inputs and targets of this view in their order: the same for the same data on
    /// every machine, and another if anything differs, but for a coincidence of one in 2⁶⁴. It is no protection
    /// against anybody who wants it to be the same.
    ///
    /// ```
    /// use downhill_data::embedded;
    /// let iris = embedded::load("iris")?;
    /// assert_eq!(iris.fingerprint(), embedded::load("iris")?.fingerprint());
    /// assert_ne!(iris.fingerprint(), iris.subset(&[1, 0])?.fingerprint());
    /// # Ok::<(), downhill_data::Error>(())
    /// ```
    pub fn fingerprint(&self) -> u64 {
        let mut all = Fingerprint(0);
        all.word(self.len() as u64);
        for column in self.schema().inputs.columns() {
            all.text(&column.name);
            if let ColumnKind::Categorical { categories } = &column.kind {
                categories.iter().for_each(|category| all.text(category));
            }
        }
        self.class_names().iter().for_each(|class| all.text(class));
        let size = self.input_shape().size();
        for position in self.positions() {
            let range = position * size..(position + 1) * size;
            match self.features() {
                Features::F32(values) => {
                    values[range].iter().for_each(|x| all.word(u64::from(x.to_bits())));
                }
                Features::F64(values) => values[range].iter().for_each(|x| all.word(x.to_bits())),
                Features::Bytes { values, .. } => values[range].chunks(8).for_each(|bytes| {
                    all.word(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
                }),
            }
        }
        self.labels().into_iter().flatten().for_each(|label| all.word(label as u64));
        self.values().into_iter().flatten().for_each(|value| all.word(value.to_bits()));
        all.0
    }
}

#[cfg(test)]
mod tests {
    use crate::{Features, InMemory, InputSchema, Target, embedded, generators};

    fn table(inputs: Vec<f64>, labels: Vec<i64>, names: [&str; 2]) -> u64 {
        let names = names.map(String::from).to_vec();
        let target = Target::Classes { labels, names };
        let schema = InputSchema::numeric(["a"]);
        InMemory::new(schema, Features::F64(inputs), target, "y").unwrap().fingerprint()
    }

    #[test]
    fn anything_that_differs_shows() {
        let all = [
            table(vec![1.0, 2.0], vec![0, 1], ["x", "y"]),
            table(vec![2.0, 1.0], vec![0, 1], ["x", "y"]),
            table(vec![1.0, -2.0], vec![0, 1], ["x", "y"]),
            table(vec![-1.0, -2.0], vec![0, 1], ["x", "y"]),
            table(vec![1.0, 2.0], vec![1, 0], ["x", "y"]),
            table(vec![1.0, 2.0], vec![0, 1], ["x", "z"]),
            table(vec![1.0, 2.0], vec![0, 1], ["xy", ""]),
            table(vec![1.0], vec![0], ["x", "y"]),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn it_is_of_the_examples_not_of_the_way_to_them() {
        let digits = embedded::load("digits").unwrap();
        let twice = digits.subset(&[5, 3, 9]).unwrap().subset(&[2, 0]).unwrap();
        assert_eq!(twice.fingerprint(), digits.subset(&[9, 5]).unwrap().fingerprint());
        let noise = |seed| generators::generate("line", 20, 0.1, seed).unwrap().fingerprint();
        assert_eq!(noise(1), noise(1));
        assert_ne!(noise(1), noise(2));
    }
}
