"""Checks which folder may import which: the contracts of ``[tool.importlinter]`` in ``pyproject.toml``.

``python -m devtools.imports``
"""

import sys

from importlinter.cli import lint_imports


def main() -> int:
    """Checks the project in the current folder; 1 where a contract is broken, and says which import broke it."""
    return lint_imports(cache_dir=None, no_cache=True, no_logo=True)


if __name__ == "__main__":
    sys.exit(main())
