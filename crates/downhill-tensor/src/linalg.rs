//! Linear algebra on `nalgebra`.
