"""Microsoft Graph, storage and telemetry as the settings describe them."""
