"""Fires due deadlines, moves deadlines when the procedure changes, and tells people of moved meetings."""
