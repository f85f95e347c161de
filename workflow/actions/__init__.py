"""What a person may do from a message or a page, whichever door it comes through."""
