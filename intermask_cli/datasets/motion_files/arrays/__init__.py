"""Motion stored as arrays: .npy, .npz, .pt and HDF5. Sizes are checked first, and pickles are never loaded."""
