"""Makes the fields of a form, reads what people type into them, and sums up an input in words."""
