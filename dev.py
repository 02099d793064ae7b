#!/usr/bin/env python3
"""Runs the demo, the tests, the linters and the benchmark, and deploys, on a machine that has nothing but Python 3.11 or newer.

    python3 dev.py demo     one scan of the built-in demo tenant: findings, alert, report, which --open opens;
                            --keep leaves the tenant running, and prints the settings to try every command on it
    python3 dev.py scan     a scan of your own tenant, signed in as yourself, and its report in the browser:
                            python3 dev.py scan --sign-in device-code --tenant contoso.com
                            --keep keeps what it finds on this machine, so that the next one says what changed
    python3 dev.py test     linters, type checker and the whole test suite;
                            with arguments only those tests: python3 dev.py test tests/checks -k exclusion
    python3 dev.py lint     linters, type checker and the direction of imports only
    python3 dev.py bench    the benchmarks, as a table
    python3 dev.py soak     random stories of a small tenant against the real code and a model of its promises:
                            python3 dev.py soak --scenarios 10000 --seed 7 [--seconds 600] [--year] [--kills 100]
    python3 dev.py mutate   small changes of the rules, and which of them no test notices:
                            python3 dev.py mutate --sample 200 --seed 7 [--module checks/scope.py ...] [--seconds 600]
    python3 dev.py package  builds the package that is deployed, in out/package and out/app.zip; --python 3.12 for another one
    python3 dev.py deploy   builds it and brings it into the function app: that of the azd environment, or
                            python3 dev.py deploy --resource-group NAME --app NAME [--remote-build]
    python3 dev.py lock     writes requirements.lock, requirements-cli.lock and requirements-dev.lock again: after a change of the
                            .txt files of the same names, or with --upgrade for the newest of what these allow
    python3 dev.py sbom     lists everything that is deployed, with licences and hashes, in out/sbom.cdx.json (CycloneDX)
    python3 dev.py whatsnew TAG  what changed since that version, and whether permissions, settings or parameters did
    python3 dev.py notes [VERSION]  the release notes of a version, from the changelog; of what isn't released yet without one
    python3 dev.py github   lets a GitHub workflow deploy without a secret: --repository OWNER/NAME [--provision] [--remove]
    python3 dev.py setup    only makes the environment for development

It makes the environment in .venv and .cache, both inside the repository, and uses it again next time. Further arguments
go to the task. Exit code: the task's; 130 after Ctrl-C; 3 when the environment could not be made.
"""

import sys

OLDEST = (3, 11)


def too_old(version: "tuple[int, ...]", executable: str) -> "str | None":
    """The sentence for a Python that is too old, or None. Knows the newer ones on the PATH."""
    if tuple(version[:2]) >= OLDEST:
        return None
    import shutil

    names = [f"python3.{minor}" for minor in range(14, OLDEST[1] - 1, -1)]
    found = [name for name in names if shutil.which(name)]
    hint = f"Run: {found[0]} dev.py" if found else "Install it from https://www.python.org/downloads/."
    return f"dev.py needs Python 3.11 or newer; {executable} is Python {'.'.join(map(str, version[:3]))}. {hint}"


def main(arguments: "list[str]") -> int:
    """Runs the task that ``arguments`` (without the program's name) ask for; returns the exit code."""
    sentence = too_old(sys.version_info[:3], sys.executable)
    if sentence:
        sys.stderr.write(sentence + "\n")
        return 2
    # Only now: these modules use what older Pythons can't parse.
    from devtools.tasks import run_task

    return run_task(arguments, usage=__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
