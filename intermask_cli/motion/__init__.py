"""Motion as numbers: skeleton, rotations, kinematics, representations, physics. NumPy only, no model."""
