"""Pictures of cards and mails, to look at: ``python -m tests.alerts.render.pictures FOLDER``.

The card is drawn by Microsoft's own renderer (npm package adaptivecards) with a host configuration like that of Teams,
everything by Debian's chromium.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from alerts.card import card_message
from alerts.mime_message import mail_message
from alerts.model import Alert
from devtools.node import CACHE, find_node
from tests.alerts import samples

ADAPTIVECARDS = "adaptivecards@3.0.6"
ADAPTIVECARDS_SHA512 = (
    "5830886f659767b70e1c9f4720744d7614adf3ad47c9254e74ddb13e4d9a2870"
    "05dc9bc3f10190f3f5dc345ac32710ad78ea20f0c33b1019577d2011f095ca02"
)
PAGE = Path(__file__).with_name("card.html")
FLAGS = ("--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--virtual-time-budget=2000")
WIDTHS = {"wide": 760, "phone": 390}


def sample_alerts() -> Mapping[str, Alert]:
    """What is drawn."""
    return {
        "typical": samples.typical(),
        "one": samples.one(),
        "many": samples.many(1000),
        "good": samples.good(),
        "gaps": samples.gaps_only(),
        "failure": samples.failure(),
        "prediction": samples.prediction(),
        "sight": samples.sight(),
        "test": samples.test_message(),
        "digest": samples.digest(),
        "hostile": samples.hostile(),
    }


def chromium() -> str | None:
    """The browser, or None where there is none."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def adaptivecards_js() -> Path:
    """The renderer's script, fetched once into the cache.

    Raises ``subprocess.SubprocessError`` where npm can't fetch it, and ``ValueError`` where it isn't what it was.
    """
    script = CACHE / ADAPTIVECARDS.replace("@", "-") / "adaptivecards.min.js"
    if not script.exists():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [*find_node().npm, "pack", "--silent", ADAPTIVECARDS],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=120,
            )
            (package,) = Path(folder).glob("*.tgz")
            if hashlib.sha512(package.read_bytes()).hexdigest() != ADAPTIVECARDS_SHA512:
                raise ValueError(f"{ADAPTIVECARDS} is not the package that was tested.")
            with tarfile.open(package) as archive:
                archive.extract("package/dist/adaptivecards.min.js", folder, filter="data")
            script.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder, "package/dist/adaptivecards.min.js"), script)
    return script


def card_page(alert: Alert, script: Path, theme: str) -> str:
    """An HTML page that draws the card."""
    card = json.dumps(card_message(alert)["attachments"][0]["content"]).replace("<", "\\u003c")
    page = PAGE.read_text(encoding="utf-8").replace("/*RENDERER*/", script.read_text(encoding="utf-8"))
    return page.replace("/*THEME*/", theme).replace("/*CARD*/null", card)


def picture(browser: str, page: Path, target: Path, width: int, height: int, *, dark: bool = False) -> None:
    """A screenshot of a page."""
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    subprocess.run(
        [browser, *FLAGS, *theme, f"--window-size={width},{height}", f"--screenshot={target}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )


def mail_page(alert: Alert) -> str:
    """The HTML of the mail."""
    html = mail_message(alert, "alerts@contoso.com", ["admin@contoso.com"]).get_body(("html",))
    return str(html.get_content()) if html is not None else ""


def main(folder: Path) -> None:
    """Draw everything into ``folder``."""
    browser = chromium()
    if browser is None:
        raise SystemExit("chromium is missing: install it first (apt-get install chromium).")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        script = adaptivecards_js()
        for name, alert in sample_alerts().items():
            for size, width in WIDTHS.items():
                for theme in ("light", "dark"):
                    if (size, theme) == ("phone", "dark"):
                        continue
                    card, mail = work / "card.html", work / "mail.html"
                    card.write_text(card_page(alert, script, theme), encoding="utf-8")
                    mail.write_text(mail_page(alert), encoding="utf-8")
                    picture(browser, card, folder / f"card-{name}-{size}-{theme}.png", width, 1500)
                    picture(
                        browser, mail, folder / f"mail-{name}-{size}-{theme}.png", width, 1900, dark=theme == "dark"
                    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
