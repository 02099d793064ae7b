"""What was read of the sign-in log, kept by day, so that each day is read once."""
