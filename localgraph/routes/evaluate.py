"""What If: which policies would apply to a sign-in."""

from ipaddress import ip_address
from typing import Any

from localgraph.answers import prefers_all_members
from localgraph.errors import bad_request, not_premium
from localgraph.limits import CONDITIONAL_ACCESS
from localgraph.messages import Answer
from localgraph.schema import Json
from localgraph.service import Call, Route
from localgraph.tenant import LocalUser
from localgraph.what_if import SignIn, analyse

_PARAMETERS = {"signInIdentity", "signInContext", "signInConditions", "appliedPoliciesOnly"}
_PREFIX = "#microsoft.graph."
_ACTIONS = {
    "registerSecurityInformation": "urn:user:registersecurityinfo",
    "registerOrJoinDevices": "urn:user:registerdevice",
}


def evaluate(call: Call) -> Answer:
    """POST /identity/conditionalAccess/evaluate; needs P1."""
    if not call.tenant.has_p1:
        raise not_premium()
    body = call.request.body
    if not isinstance(body, dict) or set(body) - _PARAMETERS:
        raise bad_request("The body must hold signInIdentity, signInContext and signInConditions, and nothing unknown.")
    applied_only = body.get("appliedPoliciesOnly", False)
    if not isinstance(applied_only, bool):
        raise bad_request("The parameter 'appliedPoliciesOnly' must be a boolean.")
    sign_in = SignIn(_user(call, body), **_context(call, body), conditions=_conditions(call, body))
    results = [_result(call, policy, sign_in) for policy in call.tenant.policies]
    if applied_only:
        results = [item for item in results if item["policyApplies"]]
    if not prefers_all_members(call):
        results = [call.schema.as_old_client("whatIfAnalysisResult", item) for item in results]
    context = f"{call.request.root}/$metadata#Collection(microsoft.graph.whatIfAnalysisResult)"
    return Answer(body={"@odata.context": context, "value": results})


def _result(call: Call, policy: Json, sign_in: SignIn) -> Json:
    reasons = analyse(call.tenant, policy, sign_in)
    return {**policy, "policyApplies": not reasons, "analysisReasons": ",".join(sorted(reasons)) or "notSet"}


def _user(call: Call, body: Json) -> LocalUser:
    identity = _object(body, "signInIdentity")
    if identity.get("@odata.type") != f"{_PREFIX}userSignIn":
        raise bad_request("Only signInIdentity of the type #microsoft.graph.userSignIn is supported here.")
    _check_members(call, identity, "userSignIn")
    found = call.tenant.users.get(str(identity.get("userId", "")).lower())
    if found is None:
        raise bad_request("The property 'userId' of signInIdentity must be the object id of a user.")
    return found


def _context(call: Call, body: Json) -> dict[str, str | None]:
    context = _object(body, "signInContext")
    kind = str(context.get("@odata.type", "")).removeprefix(_PREFIX)
    found: dict[str, str | None] = {"application": None, "user_action": None, "context": None}
    if kind == "applicationContext":
        _check_members(call, context, kind)
        apps = context.get("includeApplications")
        if not isinstance(apps, list) or not apps or not all(isinstance(app, str) for app in apps):
            raise bad_request("The property 'includeApplications' must be a collection of application ids.")
        found["application"] = apps[0].lower()
    elif kind == "userActionContext" and context.get("userAction") in _ACTIONS:
        found["user_action"] = _ACTIONS[context["userAction"]]
    elif kind == "authContext" and isinstance(context.get("authenticationContextValue"), str):
        found["context"] = context["authenticationContextValue"]
    else:
        raise bad_request("signInContext must be an applicationContext, userActionContext or authContext.")
    return found


def _conditions(call: Call, body: Json) -> Json:
    conditions = _object(body, "signInConditions")
    _check_members(call, conditions, "signInConditions")
    for name, value in conditions.items():
        declared = call.schema.properties("signInConditions").get(name)
        members = call.schema.enum(declared.type) if declared else None
        if members is not None and value is not None and value not in members:
            raise bad_request(
                f"The value '{value}' of the property '{name}' isn't a member of '{declared and declared.type}'."
            )
    if (conditions.get("ipAddress") is None) != (conditions.get("country") is None):
        raise bad_request("The properties 'country' and 'ipAddress' must be given together.")
    if conditions.get("ipAddress") is not None:
        _check_address(conditions["ipAddress"])
    return conditions


def _check_address(text: Any) -> None:
    try:
        ip_address(text)
    except ValueError as error:
        raise bad_request(f"'{text}' is no IP address.") from error


def _check_members(call: Call, value: Json, type_name: str) -> None:
    unknown = [name for name in value if "@" not in name and name not in call.schema.properties(type_name)]
    if unknown:
        raise bad_request(f"The property '{unknown[0]}' does not exist on type 'microsoft.graph.{type_name}'.")


def _object(body: Json, name: str) -> Json:
    value = body.get(name)
    if not isinstance(value, dict):
        raise bad_request(f"The parameter '{name}' is missing or no object.")
    return value


ROUTES = (
    Route(
        "POST",
        "/identity/conditionalAccess/evaluate",
        evaluate,
        ("Policy.Read.ConditionalAccess", "Policy.Read.All"),
        limit=CONDITIONAL_ACCESS,
    ),
)
