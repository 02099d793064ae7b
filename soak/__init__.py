"""Soak: random stories of a small tenant, played against the real code and checked against a plain model of its promises."""
