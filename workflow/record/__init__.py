"""The record: checked against its history, taken out, put back, and brought in from elsewhere."""
