"""Runs the daemon partnershipd: its ticks, signals, reload, log and metrics."""
