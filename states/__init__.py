"""The law: what the School Board's policy 4270 allows.

Pure: nothing here reads the clock, files, a database, the web or mail.
"""
