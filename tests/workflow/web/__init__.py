"""The pages, asked for as a browser asks, on a real database."""
