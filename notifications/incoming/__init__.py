"""Reads incoming mail: fetches messages, splits them into parts, cuts off quotations, finds who sent them."""
