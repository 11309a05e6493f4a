//! Differentiation: transforms that append operations to the tape.

mod derived;
mod jvp;
mod vjp;
