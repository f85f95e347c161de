"""Replies: each message that came back is judged once, and what it asks for is done."""
