"""Runs partnershipctl, the admin script of the staff, with one file for each command."""
