"""The demo of the ledger: a run that goes wrong, and the nodes that take it back."""
