"""The procedure: config.toml, its shape, its checks, and the arithmetic of its due times."""
