"""What somebody can ask for: a scan, an alert, a view, a simulation, and what these are made of."""
