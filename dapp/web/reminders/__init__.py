"""Reminders by webhook: what is due for named accounts is posted to an address of theirs, each once."""
