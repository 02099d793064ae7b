"""What to say about changes, and the channels that say it."""
