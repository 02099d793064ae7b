"""What each check requires, in a sentence that is true where an account passes it: for systems that keep lists of requirements."""

from collections.abc import Mapping

REQUIRED: Mapping[str, str] = {
    "APW-001": "No Conditional Access policy hides the app password option from a service account.",
    "APW-002": "Security Defaults don't hide the app password option from a service account.",
    "APW-003": "Per-user MFA of a service account that has a method registered isn't left at Enabled.",
    "APW-004": "A service account with per-user MFA has registered its MFA method.",
    "APW-005": "The app password option of a service account isn't hidden in any circumstances.",
    "APW-006": "Nothing that is about to come into force hides the app password option from a service account.",
    "APW-007": "Where a service account has the app password option, legacy authentication isn't blocked for it.",
    "APW-008": "Everything can be read that decides whether a service account has the option and can use an app password.",
    "APW-009": "Per-user MFA of a service account isn't switched off.",
    "APW-010": "A service account signs in with no protocol that is being retired.",
    "APW-011": "A service account holds no directory role.",
    "APW-012": "A service account isn't synchronised, shared or used by people.",
    "APW-013": "Nothing that is about to come into force blocks app passwords of a service account.",
    "APW-014": "The tenant lets users create app passwords.",
    "APW-015": "Sign-ins of a service account with the right password aren't refused.",
    "APW-016": "A service account with per-user MFA has an MFA method that isn't being retired.",
    "APW-017": "No recommendation of Microsoft's would hide the app password option from a service account.",
}
"""Check id -> what it requires."""
