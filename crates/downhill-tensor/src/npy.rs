//! NumPy's .npy format.
