"""The paper's design claims tested on Duets: `make ablations`, which writes `docs/results/ablations.md`."""
