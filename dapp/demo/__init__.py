"""A whole cooperative task with every participant on one machine, and what came of it."""
