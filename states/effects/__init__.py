"""What each event writes on record: from a case to the new facts. Nothing is judged here."""
