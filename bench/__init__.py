"""Benchmarks: what things cost, as a table. Nothing here fails because a machine is slow."""
