"""Everything that knows the chain, the content store or a person: the application around `ml`."""
