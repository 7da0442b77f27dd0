"""Motion stored as arrays: .npy, .npz, .pt, HDF5. Sizes are checked first; pickles are never loaded."""
