"""The rules: what a tenant means for each of its service accounts. Pure: no I/O, no clock, no settings."""
