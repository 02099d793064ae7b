"""The demo: a strict Microsoft Graph on this machine, and the data of a believable company. Never deployed."""
