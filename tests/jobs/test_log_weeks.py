"""What looks at the audit log and daily scans tell together is what a scan after every change would have told, within minutes."""

import pytest

from devtools.azurite import Azurite
from jobs import carrying
from tests.jobs.log_weeks import play


@pytest.mark.parametrize(("seed", "unlogged"), [(20, 0.0), (29, 0.5)])
async def test_a_week_is_told_as_by_a_scan_after_every_change(
    azurite: Azurite, seed: int, unlogged: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PROOF", 1)
    differences, told, carried = await play(4, seed, azurite.new_account(), azurite.new_account(), unlogged=unlogged)
    assert differences == []
    assert told > 0
    assert carried > 0
