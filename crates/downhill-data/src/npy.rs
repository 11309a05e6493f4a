//! Data sets from NumPy's files.
