"""The daemon partnershipd: its ticks, its signals, its reload, its log and its metrics."""
