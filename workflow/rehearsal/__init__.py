"""Lives the future of a copy of the record, through the engine and the clock, and tells what happens in it."""
