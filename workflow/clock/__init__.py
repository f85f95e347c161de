"""The clock: what is due happens, a change of procedure moves deadlines, a moved meeting is told."""
