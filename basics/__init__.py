"""What every folder needs of texts, JSON and times, and no library has. Pure; imports nothing of this project."""
