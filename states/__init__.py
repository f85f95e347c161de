"""What the School Board's policy 4270 allows. Pure: no clock, no files, no database, no web, no mail."""
