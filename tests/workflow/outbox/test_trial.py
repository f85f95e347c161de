"""A configuration with which no message can be written is found before a message is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow.outbox.trial import require_writable
from workflow.procedure import config
from workflow.procedure.config import ConfigError

LAYOUT = config.DEFAULTS / "templates/email/layout.txt.j2"


@pytest.mark.promise("failures-stay-alone")
def test_a_message_that_cannot_be_written_with_the_settings_is_found_before_one_is_due(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "templates" / "email"
    folder.mkdir(parents=True)
    layout = LAYOUT.read_text(encoding="utf-8")
    (folder / "layout.txt.j2").write_text(layout + "{{ office.phone|link }}", encoding="utf-8")
    (tmp_path / "config.toml").write_text('[district]\nphone = "206 555 0100"\n', encoding="utf-8")
    settings = config.load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="a message with these settings: it cannot be written") as failed:
        require_writable(settings)
    assert "206 555 0100" in str(failed.value)


def test_a_message_can_be_written_with_the_packaged_settings() -> None:
    require_writable(config.load(None))
