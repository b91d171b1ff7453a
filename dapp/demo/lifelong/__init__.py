"""The life-long demo: participants improve one model and teach it classes, and a cheat is caught."""
