"""Queue notices, write their messages, and deliver them."""
