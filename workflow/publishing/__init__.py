"""Makes what readers outside the program get from the record: open data, spreadsheets, reports, packets."""
