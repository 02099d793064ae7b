"""A strict Microsoft Graph on this machine, for the demo, tests and benchmarks. Knows nothing of the product. Never deployed."""
