"""Mail that comes in: fetched, taken apart, its quotes cut off, its sender judged. Nothing is acted on here."""
