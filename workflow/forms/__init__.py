"""Forms: the fields of an input, what is typed into them, and what was given in words people read."""
