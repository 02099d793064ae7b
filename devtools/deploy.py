"""``dev.py deploy``: builds the package and brings it into the function app."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools import building
from devtools.azure import Azure, AzureError, azd_values, subscription
from devtools.upload import Upload, site


def deploy(arguments: Sequence[str]) -> int:
    """The task. Returns the exit code: 0 when the new version answers, 1 when it couldn't be brought there."""
    parser = argparse.ArgumentParser(
        prog="dev.py deploy",
        description="Builds the package and brings it into the function app: that of the current azd environment, or the one "
        "that is named. Needs az login, or azd auth login.",
    )
    parser.add_argument("--resource-group", metavar="NAME", help="the output AZURE_RESOURCE_GROUP of the deployment")
    parser.add_argument("--app", metavar="NAME", help="the output FUNCTION_APP_NAME of the deployment")
    parser.add_argument("--subscription", metavar="ID", help="default: that of the azd environment, or of az")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="a package that is built already")
    parser.add_argument(
        "--remote-build", action="store_true", help="let Azure install the libraries; it may be cut off"
    )
    asked = parser.parse_args(arguments)
    if bool(asked.resource_group) != bool(asked.app):
        parser.error("name the resource group and the app, or neither")
    try:
        _deploy(asked)
    except (AzureError, building.BuildError, OSError) as error:
        print(f"[dev.py] {error}", file=sys.stderr)
        return 1
    return 0


def _deploy(asked: argparse.Namespace) -> None:
    values = {} if asked.app else azd_values()
    group = asked.resource_group or values.get("AZURE_RESOURCE_GROUP")
    app = asked.app or values.get("FUNCTION_APP_NAME")
    where = asked.subscription or values.get("AZURE_SUBSCRIPTION_ID") or subscription()
    if not group or not app:
        raise AzureError("Which app? Name it with --resource-group and --app, or run azd provision first.")
    if not where:
        raise AzureError("Which subscription? Run az login, or name it with --subscription.")
    azure = Azure(prefer=("az", "azd") if asked.app else ("azd", "az"))
    found = site(azure, where, group, app)
    package = asked.zip or building.build(found.python, source=asked.remote_build)
    if not package.is_file():
        raise AzureError(f"{package} is no file.")
    _say(f"Uploading {package.stat().st_size / 1e6:.0f} MB to {app}")
    upload = Upload(azure, found, say=_say)
    upload.run(package, remote_build=asked.remote_build)
    _say("Deployed. Asking the app; its first start takes up to a minute.")
    health = upload.wait_for_answer()
    _say(f"The app answers: {health}." + ("" if health == "ok" else " It says so until its first scan is done."))


def _say(text: str) -> None:
    print(f"[dev.py] {text}", file=sys.stderr, flush=True)
