"""What the tests of `partnershipctl` share: a desk with the program on it, and a district at any station."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.district import Begin

Sit = Callable[..., Desk]
ALL = 'may_manage = ["people", "meetings", "import", "notices", "records"]'
OWNER = f'[admin.users]\n"(owner)" = {{ person = "staff@example.org", may_act_as = ["*"], {ALL} }}\n'


@pytest.fixture
def sit(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Sit:
    """Sits down at a desk: `sit("active")` with a partnership there, `sit()` with none.

    The second argument is the district's own configuration. The clock stands at the partnership's last event.
    """
    for name in ("PARTNERSHIPS_CONFIG", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def sit(station: str | None = None, text: str = OWNER) -> Desk:
        desk = Desk(begin(station, text), capsys, monkeypatch)
        monkeypatch.setattr("workflow.session.current_time", lambda: desk.life.now.astimezone(UTC))
        return desk

    return sit
