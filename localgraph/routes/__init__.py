"""The endpoints of the local Graph, by subject."""

from localgraph.routes import apps, evaluate, groups, logs, mail, policies, reports, roles, users
from localgraph.service import Route

ROUTES: tuple[Route, ...] = (
    *policies.ROUTES,
    *users.ROUTES,
    *groups.ROUTES,
    *roles.ROUTES,
    *reports.ROUTES,
    *apps.ROUTES,
    *logs.ROUTES,
    *evaluate.ROUTES,
    *mail.ROUTES,
)
"""Everything that is served."""
