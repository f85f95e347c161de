"""Decides what the School Board's policy 4270 allows: this package is the law.

Pure: nothing here reads the clock, files, a database, the web or mail.
"""
