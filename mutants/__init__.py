"""Mutation testing: small changes of the rules (by cosmic-ray), and whether a test notices each."""
