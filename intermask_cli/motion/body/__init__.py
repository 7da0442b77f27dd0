"""The body solver: decoded joints become bodies of rigid bones. `solver.solve_bodies` is the entry."""
