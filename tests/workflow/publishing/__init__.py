"""Tests of what readers outside get."""
