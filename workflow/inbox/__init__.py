"""Replies: judges each message that came back once, and does what a valid answer asks for."""
