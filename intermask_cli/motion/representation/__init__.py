"""Motion representations: InterHuman and Inter-X."""
