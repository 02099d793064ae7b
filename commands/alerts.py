"""``cli.py alerts``: the channels that alerts go through."""

from commands.line.parts import Options
from commands.output import DONE, FAILED, put, say
from jobs.tell import send_test_alert
from settings import load_settings


async def test(options: Options) -> int:
    """Send it."""
    answers = await send_test_alert(load_settings(require=frozenset()))
    if not answers:
        say("No alert channel is set: TEAMS_WEBHOOK_URL, WEBHOOK_URL with WEBHOOK_SECRET, or ALERT_EMAIL_FROM and _TO.")
        return FAILED
    for answer in answers:
        put(f"{answer['channel']}: {answer['answer']}")
    return DONE if all(answer["delivered"] for answer in answers) else FAILED
