"""Runs a module as ``python -m`` does; Ctrl-C at any moment, also while it still imports, ends it without a traceback.

``python -m devtools.quiet MODULE [ARGUMENT ...]``
"""

import runpy
import sys

INTERRUPTED = 130


def main() -> int:
    """Runs the module named first with the other arguments; a module that ends by ``sys.exit`` ends this too."""
    del sys.argv[0]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
