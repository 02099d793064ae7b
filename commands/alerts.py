"""``cli.py alerts``: the channels that alerts go through."""

import argparse

from commands.arguments import Commands
from commands.output import DONE, FAILED, put, say
from jobs.tell import send_test_alert
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("alerts", help="alert channels")
    sub = one.add_subparsers(required=True, metavar="ACTION")
    sub.add_parser("test", help="send a test through every channel").set_defaults(command=_test_alert)


async def _test_alert(options: argparse.Namespace) -> int:
    answers = await send_test_alert(load_settings(require=frozenset()))
    if not answers:
        say("No alert channel is set: TEAMS_WEBHOOK_URL, WEBHOOK_URL with WEBHOOK_SECRET, or ALERT_EMAIL_FROM and _TO.")
        return FAILED
    for answer in answers:
        put(f"{answer['channel']}: {answer['answer']}")
    return DONE if all(answer["delivered"] for answer in answers) else FAILED
