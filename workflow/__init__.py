"""Runs partnerships: records events, plans deadlines, sends notices, serves pages and commands."""
