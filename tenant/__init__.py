"""The tenant as it was read: the model, and the reader that fills it from Microsoft Graph."""
