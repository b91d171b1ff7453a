"""What everything costs: measured on a chain in this process, under two gas schedules, and in money."""
