"""Gathers what commands, pages and messages show. Nothing here writes."""
