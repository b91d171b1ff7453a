"""The ledger off chain: the recorder's queues and server, and the nodes that check, attest and vote."""
