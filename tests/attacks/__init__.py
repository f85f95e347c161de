"""What somebody might try, and what becomes of it."""
