"""Reads and checks the procedure in config.toml, and computes due times from it."""
