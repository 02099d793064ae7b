"""What is shown on a terminal: tables, wrapped sentences and bars, drawn by rich. Takes plain data, and gives text."""
