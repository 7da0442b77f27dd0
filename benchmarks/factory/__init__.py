"""From templates to a table to train on: time, memory and what is not sampling, stage by stage."""
