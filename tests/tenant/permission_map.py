"""The map of permissions, looked up by request."""

import re

from tenant.permissions import ENDPOINTS, Endpoint


def endpoint_of(method: str, version: str, path: str) -> Endpoint | None:
    """The entry of the map that a request belongs to; None for an endpoint that is missing from it."""
    for endpoint in ENDPOINTS:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(endpoint.path))
        same = (endpoint.method, endpoint.version) == (method.upper(), version)
        if same and re.fullmatch(pattern, path.partition("?")[0]):
            return endpoint
    return None
