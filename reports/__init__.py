"""The reports of a scan: an HTML page, a table for the terminal, CSV and JSON. They take plain data and do no I/O."""
