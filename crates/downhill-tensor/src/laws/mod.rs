//! Property tests: laws that hold for all shapes, strides and values.

mod arrays;
mod files;
mod layouts;
