"""The verbs, one group of them a file; each turns its arguments into one call of a stage."""
