"""The history of a training run: checkpoints, how they are linked, stored, restored and chosen."""
