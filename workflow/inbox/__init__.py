"""Judges each incoming message once, and does what a valid answer asks for."""
