"""The web: the pages that a message leads to, the open calls, and what the daemon says of itself."""
