//! Minimization: against SciPy, on hard ground, and what must always hold.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "tables of counts, to be read with `--nocapture`")]
#![allow(clippy::needless_range_loop, reason = "matrices are written as in formulas")]

#[path = "minimize/certificate.rs"]
mod certificate;
#[path = "minimize/properties.rs"]
mod properties;
#[path = "minimize/robust.rs"]
mod robust;
#[path = "minimize/scipy.rs"]
mod scipy;
