"""The demo: a made-up company with its tenant, and one scan of it from end to end. Never deployed."""
