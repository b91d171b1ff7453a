"""The chain: client, contracts, and byte-exact mirrors of what the contracts compute."""
