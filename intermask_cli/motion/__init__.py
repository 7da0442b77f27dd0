"""Motion as numbers: skeleton, rotations, kinematics, representations. Knows no model; NumPy only."""
