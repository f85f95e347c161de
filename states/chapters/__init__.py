"""Defines the law in chapters: each has the inputs, requirements, effects and rows of its events."""
