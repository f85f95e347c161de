"""partnershipd, the daemon: its tick loop, its signals, its log and its metrics."""
