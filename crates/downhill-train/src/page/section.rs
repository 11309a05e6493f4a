//! A section of a page: a heading, and blocks of what it is about.

use super::markup::Escaped;
use super::{Figure, Table};
use crate::diagnosis::{Severity, Verdict};
use std::fmt::{self, Display, Formatter};

/// One part of a section. `Display` writes it as HTML.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph of text.
    Paragraph(String),
    /// A picture. Pictures that follow each other stand beside each other where there is room.
    Figure(Box<Figure>),
    /// A table.
    Table(Table),
    /// Names with what they stand for.
    Facts(Vec<(String, String)>),
    /// Verdicts, the worst first.
    Verdicts(Vec<Verdict>),
    /// A command or a piece of code.
    Code(String),
}

/// A heading and what stands below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section with nothing in it yet.
    pub fn new(heading: impl Into<String>) -> Self {
        Section { heading: heading.into(), blocks: Vec::new() }
    }

    /// With a paragraph.
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.block(Block::Paragraph(text.into()))
    }

    /// With a figure.
    pub fn figure(self, figure: Figure) -> Self {
        self.block(Block::Figure(Box::new(figure)))
    }

    /// With a table.
    pub fn table(self, table: Table) -> Self {
        self.block(Block::Table(table))
    }

    /// With names and what they stand for.
    pub fn facts<N: Into<String>, W: Into<String>>(self, facts: impl IntoIterator<Item = (N, W)>) -> Self {
        self.block(Block::Facts(facts.into_iter().map(|(name, what)| (name.into(), what.into())).collect()))
    }

    /// With verdicts, the worst first.
    pub fn verdicts(self, verdicts: &[Verdict]) -> Self {
        let mut verdicts = verdicts.to_vec();
        Verdict::worst_first(&mut verdicts);
        self.block(Block::Verdicts(verdicts))
    }

    /// With a command or a piece of code.
    pub fn code(self, text: impl Into<String>) -> Self {
        self.block(Block::Code(text.into()))
    }

    /// With one more block.
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// The section as HTML, with this number among those of the page.
    pub(super) fn write(&self, f: &mut Formatter<'_>, number: usize) -> fmt::Result {
        let heading = Escaped(&self.heading);
        writeln!(
            f,
            "<section aria-labelledby=\"section-{number}\"><h2 id=\"section-{number}\">{heading}</h2>"
        )?;
        let figures = |block: &Block| matches!(block, Block::Figure(_));
        for blocks in self.blocks.chunk_by(|a, b| figures(a) && figures(b)) {
            let group = figures(&blocks[0]);
            f.write_str(if group { "<div class=\"figures\">" } else { "" })?;
            for block in blocks {
                writeln!(f, "{block}")?;
            }
            f.write_str(if group { "</div>\n" } else { "" })?;
        }
        f.write_str("</section>\n")
    }
}

impl Display for Block {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Block::Paragraph(text) => write!(f, "<p>{}</p>", Escaped(text)),
            Block::Figure(figure) => write!(f, "{figure}"),
            Block::Table(table) => write!(f, "{table}"),
            Block::Facts(facts) => {
                f.write_str("<dl class=\"facts\">")?;
                for (name, what) in facts {
                    write!(f, "<dt>{}</dt><dd>{}</dd>", Escaped(name), Escaped(what))?;
                }
                f.write_str("</dl>")
            }
            Block::Verdicts(verdicts) => {
                // What is as it should be is folded away, so that the rest is seen.
                let healthy = |verdict: &&Verdict| verdict.severity == Severity::Healthy;
                let (good, rest): (Vec<_>, Vec<_>) = verdicts.iter().partition(healthy);
                write_verdicts(f, &rest)?;
                match good.len() {
                    0 => Ok(()),
                    count => {
                        let things = if count == 1 {
                            "One thing is as it should be".to_owned()
                        } else {
                            format!("{count} things are as they should be")
                        };
                        write!(f, "<details><summary>{things}</summary>")?;
                        write_verdicts(f, &good)?;
                        f.write_str("</details>")
                    }
                }
            }
            Block::Code(text) => write!(
                f,
                "<pre tabindex=\"0\" role=\"region\" aria-label=\"Code\"><code>{}</code></pre>",
                Escaped(text)
            ),
        }
    }
}

/// With a large letter at its beginning, unless that letter is a symbol.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if first.is_ascii_lowercase() => {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        }
        _ => text.into(),
    }
}

fn write_verdicts(f: &mut Formatter<'_>, verdicts: &[&Verdict]) -> fmt::Result {
    if verdicts.is_empty() {
        return Ok(());
    }
    f.write_str("<ul class=\"verdicts\">")?;
    verdicts.iter().try_for_each(|verdict| write_verdict(f, verdict))?;
    f.write_str("</ul>")
}

fn write_verdict(f: &mut Formatter<'_>, verdict: &Verdict) -> fmt::Result {
    let Verdict { name, severity, place, finding, number, threshold, formula, source, advice } = verdict;
    let sign = match severity {
        Severity::Healthy => "✓",
        Severity::Notice => "●",
        Severity::Warning => "▲",
        Severity::Failure => "✕",
    };
    let word = severity.name();
    write!(f, "<li class=\"{word}\"><p class=\"word\"><span aria-hidden=\"true\">{sign}</span> {word}: ")?;
    write!(f, "{}", Escaped(name))?;
    if let Some(place) = place {
        write!(f, " in {}", Escaped(place))?;
    }
    write!(f, "</p><p>{} {}</p>", Escaped(finding), Escaped(advice))?;
    let (number, threshold) = (super::numbers::readable(*number), super::numbers::readable(*threshold));
    write!(
        f,
        "<p class=\"basis\">{} = {number}, held against {threshold}. {}</p>",
        Escaped(formula),
        Escaped(&sentence(source))
    )?;
    f.write_str("</li>")
}
