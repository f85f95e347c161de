"""Queues notices, writes their messages, and delivers them."""
