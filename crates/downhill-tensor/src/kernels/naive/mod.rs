//! The kernels as plain loops: what each one means, without thought for speed.
//!
//! The reference interpreter runs on these, and tests compare every fast kernel with its namesake here.
//! They take the same arguments, less scratch space and parts, and add up from first to last.

mod attention;
mod conv;
mod copy;
mod elementwise;
mod gather;
mod matmul;
mod pool;
mod reduce;
mod rows;
mod softmax;

pub use attention::{attention, attention_gradient};
pub use conv::{conv2d, conv2d_input_gradient, conv2d_weight_gradient};
pub use copy::{copy_strided, pad, write_strided};
pub use elementwise::{map_strided, zip_strided};
pub use gather::{gather_along_axis, gather_rows, one_hot, scatter_add_along_axis, scatter_add_rows};
pub use matmul::matmul;
pub use pool::{avg_pool2d, avg_pool2d_gradient, max_pool2d, max_pool2d_gather, max_pool2d_scatter};
pub use reduce::{argmax, max, min, sum};
pub use rows::{apply_rows, lstm_cell, lstm_cell_gradient, normalize, normalize_gradient};
pub use softmax::{
    cross_entropy, cross_entropy_gradient, log_softmax, log_softmax_gradient, logsumexp, softmax,
    softmax_gradient,
};
