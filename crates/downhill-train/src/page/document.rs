//! A whole page.

use super::Section;
use super::colours::{CHART_STYLE, PAGE_STYLE};
use super::markup::Escaped;
use std::fmt::{self, Display, Formatter};

/// A page: one file of HTML that needs nothing else. `Display` writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The title, also that of the window.
    pub title: String,
    /// A sentence or two on what the page says.
    pub lead: String,
    /// What it is made of. From three on, links to them stand at the beginning.
    pub sections: Vec<Section>,
}

impl Page {
    /// A page without sections yet.
    pub fn new(title: impl Into<String>, lead: impl Into<String>) -> Self {
        Page { title: title.into(), lead: lead.into(), sections: Vec::new() }
    }

    /// With one more section.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }
}

impl Display for Page {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = Escaped(&self.title);
        write!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>\n{CHART_STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header>\n<h1>{title}</h1>\n"
        )?;
        if !self.lead.is_empty() {
            writeln!(f, "<p class=\"lead\">{}</p>", Escaped(&self.lead))?;
        }
        f.write_str("</header>\n")?;
        if self.sections.len() >= 3 {
            f.write_str("<nav aria-label=\"Contents\"><ul>")?;
            for (index, section) in self.sections.iter().enumerate() {
                write!(f, "<li><a href=\"#section-{}\">{}</a></li>", index + 1, Escaped(&section.heading))?;
            }
            f.write_str("</ul></nav>\n")?;
        }
        f.write_str("<main id=\"content\" tabindex=\"-1\">\n")?;
        for (index, section) in self.sections.iter().enumerate() {
            section.write(f, index + 1)?;
        }
        f.write_str("</main>\n</body>\n</html>\n")
    }
}
