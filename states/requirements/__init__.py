"""What must be true before an event: a file for each stretch of a partnership's life."""
