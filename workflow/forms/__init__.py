"""Forms: makes the fields of an input, reads what people type, and sums an input up in words."""
