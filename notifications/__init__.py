"""Renders, sends and receives messages, and signs their links.

Knows neither the law in `states` nor the engine in `workflow`.
"""
