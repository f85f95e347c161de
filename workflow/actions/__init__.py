"""Does what a person asks for from a message or a page: events by link or reply, applications, documents."""
