"""Pictures of cards and mails, to look at: ``python -m tests.alerts.render.pictures FOLDER [ADAPTIVECARDS_JS]``.

The card is drawn by Microsoft's own renderer (npm package adaptivecards, fetched with ``npm pack`` unless its file is
given) with a host configuration like that of Teams, everything by Debian's chromium.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from alerts.card import card_message
from alerts.mail import mail_html
from alerts.model import Alert
from tests.alerts import samples

ADAPTIVECARDS = "adaptivecards@3.0.6"
PAGE = Path(__file__).with_name("card.html")
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
        "test": samples.test_message(),
        "digest": samples.digest(),
        "hostile": samples.hostile(),
    }


def adaptivecards_js(folder: Path) -> Path:
    """The renderer's script, fetched into ``folder``."""
    subprocess.run(["npm", "pack", "--silent", ADAPTIVECARDS], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("adaptivecards-*.tgz"))) as package:
        package.extract("package/dist/adaptivecards.min.js", folder, filter="data")
    return folder / "package" / "dist" / "adaptivecards.min.js"


def card_page(alert: Alert, script: Path, theme: str) -> str:
    """An HTML page that draws the card."""
    card = json.dumps(card_message(alert)["attachments"][0]["content"]).replace("<", "\\u003c")
    page = PAGE.read_text(encoding="utf-8").replace("/*RENDERER*/", script.read_text(encoding="utf-8"))
    return page.replace("/*THEME*/", theme).replace("/*CARD*/null", card)


def picture(chromium: str, page: Path, target: Path, width: int, height: int, *, dark: bool = False) -> None:
    """A screenshot of a page."""
    flags = ["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--virtual-time-budget=2000"]
    if dark:
        flags.append("--blink-settings=preferredColorScheme=0")
    subprocess.run(
        [chromium, *flags, f"--window-size={width},{height}", f"--screenshot={target}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )


def main(folder: Path, script: Path | None) -> None:
    """Draw everything into ``folder``."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("chromium is missing: install it first (apt-get install chromium).")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        script = script or adaptivecards_js(work)
        for name, alert in sample_alerts().items():
            for size, width in WIDTHS.items():
                for theme in ("light", "dark"):
                    if (size, theme) == ("phone", "dark"):
                        continue
                    card, mail = work / "card.html", work / "mail.html"
                    card.write_text(card_page(alert, script, theme), encoding="utf-8")
                    mail.write_text(mail_html(alert), encoding="utf-8")
                    picture(chromium, card, folder / f"card-{name}-{size}-{theme}.png", width, 1500)
                    picture(
                        chromium, mail, folder / f"mail-{name}-{size}-{theme}.png", width, 1900, dark=theme == "dark"
                    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
