"""The bench of class-incremental learning: splits, measures, our growth rules, and rivals."""
