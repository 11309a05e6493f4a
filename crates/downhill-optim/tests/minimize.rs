//! Minimization: against SciPy, on hard ground, and what must always hold.
#![allow(clippy::unwrap_used)]

#[path = "minimize/certificate.rs"]
mod certificate;
#[path = "minimize/robust.rs"]
mod robust;
#[path = "minimize/scipy.rs"]
mod scipy;
