"""The procedure: reads and checks config.toml, and computes due times from it."""
