//! Coordinate descent: one number at a time, to its exact minimum with all others held.
//!
//! Where that minimum is a formula and the change of everything else is cheap, nothing is faster. Here it is for
//! least squares with an elastic-net penalty.

mod design;
mod elastic_net;

pub use design::Design;
pub use elastic_net::{ElasticNet, ElasticNetFit, elastic_net};
