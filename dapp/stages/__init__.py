"""One module a stage; each function takes a Context and returns what it did."""
