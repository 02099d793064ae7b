"""Places that a Conditional Access policy can name without there being a named location for them."""

EVERYWHERE = "all"
_ALL_TRUSTED = "alltrusted"
# Source of the two ids: the answers of Graph for policies that name these places; they are the same in every tenant.
FIXED_LOCATIONS = {
    _ALL_TRUSTED: "all trusted locations",
    "00000000-0000-0000-0000-000000000000": "MFA trusted IPs",
    "3d46dbda-8382-466a-856d-eb00cbc6b910": "all compliant network locations",
}
"""What stands for a place in every tenant, lower-cased -> what it is called. Graph doesn't list it among the named locations."""
