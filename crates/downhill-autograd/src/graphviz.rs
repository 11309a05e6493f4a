//! The drawing of a program, for the `dot` program of Graphviz.

use crate::program::{Node, Program, describe};
use std::fmt::Write;

impl Program {
    /// The program in the DOT language: `dot -Tsvg` draws it.
    ///
    /// Values of one layer stand in one box; inputs are boxes, outputs double circles.
    pub fn graphviz(&self) -> String {
        let mut text = String::from(
            "digraph program {\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
        );
        let mut open = "";
        for id in self.ids() {
            let entry = &self.entries[id.index()];
            if &*entry.path != open {
                if !open.is_empty() {
                    text.push_str("  }\n");
                }
                open = &entry.path;
                if !open.is_empty() {
                    // Graphviz joins clusters of one name, so a layer that is met again keeps its box.
                    let _ = writeln!(text, "  subgraph \"cluster_{0}\" {{\n  label=\"{0}\";", escape(open));
                }
            }
            let style = if matches!(entry.node, Node::Leaf(_)) { ", style=filled" } else { "" };
            let operation = describe(self, id);
            let label = operation.split(" %").next().unwrap_or_default();
            let _ = writeln!(text, "  n{} [label=\"{}\\n{}\"{style}];", id.0, escape(label), entry.ty);
        }
        if !open.is_empty() {
            text.push_str("  }\n");
        }
        for id in self.ids() {
            if let Node::Operation(_, operands) = self.node(id) {
                for operand in operands {
                    let _ = writeln!(text, "  n{} -> n{};", operand.0, id.0);
                }
            }
        }
        for (i, port) in self.outputs().iter().enumerate() {
            let _ = writeln!(text, "  out{i} [label=\"{}\", shape=doublecircle];", escape(&port.name));
            for part in &port.parts {
                let _ = writeln!(text, "  n{} -> out{i};", part.node.0);
            }
        }
        text.push_str("}\n");
        text
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
