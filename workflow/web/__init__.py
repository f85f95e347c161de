"""Serves the web pages: what links in messages open, the open calls, calendars, and the daemon's health."""
