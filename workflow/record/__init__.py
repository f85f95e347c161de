"""Verifies, imports, exports, backs up and restores the record."""
