"""Learning for Quorate: specs, data, models, training, evaluation, fusion. Knows no chain, web or clock."""
