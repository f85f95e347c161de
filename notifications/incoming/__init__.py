"""Incoming mail: fetches messages, splits them into parts, cuts off quotations, and finds out who sent them."""
