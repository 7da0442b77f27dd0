"""Reports, plots and sensitivity tables."""
