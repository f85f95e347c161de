"""The container of contrib/, without a container engine: its command runs, and its files agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support import databases
from tests.support.house import fetched, free_port, until
from workflow.procedure import config

CONTRIB = Path(__file__).parents[2] / "contrib"
CONTAINERFILE, COMPOSE, SETTINGS = (
    (CONTRIB / name).read_text(encoding="utf-8")
    for name in ("Containerfile", "compose.yaml", "container.toml")
)


def line(instruction: str) -> str:
    """What stands behind an instruction of the Containerfile."""
    found = re.search(rf"^{instruction}\s+(.*)$", CONTAINERFILE, re.MULTILINE)
    assert found is not None, instruction
    return found[1]


def test_the_command_makes_the_tables_and_the_keys_and_then_serves_until_it_is_told_to_stop(
    tmp_path: Path,
) -> None:
    databases.create(tmp_path)
    port, path = free_port(), tmp_path / "config.toml"
    text = SETTINGS.replace('"/var/lib/partnerships', f'"{tmp_path}').replace(
        "0.0.0.0:8427", f"127.0.0.1:{port}"
    )
    text = re.sub('"postgresql.*"', json.dumps(databases.address(tmp_path)), text)
    path.write_text(text, encoding="utf-8")
    name, _, inside = line("ENV").partition("=")
    assert f":{inside}:ro" in COMPOSE, "compose.yaml puts the configuration where the image looks for it"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen(
            json.loads(line("CMD")),
            env=os.environ | {name: str(path), "PATH": programs},
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: fetched(f"http://127.0.0.1:{port}/healthz")[0] == 200, "the daemon is well", timeout=60)
        daemon.terminate()
        assert daemon.wait(timeout=20) == 0
    finally:
        daemon.kill()
        daemon.wait(timeout=20)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    databases.drop(tmp_path)


def test_the_image_has_the_driver_of_its_database_and_a_user_who_may_give_commands(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    settings = config.load(path, words=False)
    assert settings.database_url.startswith("postgresql+psycopg:")
    assert ".[postgresql]" in line("RUN")
    user = settings.procedure.admin.users[line("USER")]
    assert user.may_act_as == ("*",)
    assert line("EXPOSE") == "8427"
    assert settings.procedure.web.listen == ("0.0.0.0:8427")
