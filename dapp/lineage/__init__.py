"""Lineages as a participant has them: the head's model, what a round's models are, and the verdict on
them.
"""
