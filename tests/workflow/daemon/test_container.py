"""The files for containers: they fit each other, the daemon and its configuration."""

from __future__ import annotations

import re
from pathlib import Path

from workflow.daemon import service
from workflow.procedure import config

CONTRIB = Path(__file__).parents[3] / "contrib"
COMPOSE = (CONTRIB / "compose.yaml").read_text(encoding="utf-8")
CONTAINERFILE = (CONTRIB / "Containerfile").read_text(encoding="utf-8")
LASTING = "/var/lib/partnerships"
SETTINGS = config.load(CONTRIB / "container.toml")


def test_its_configuration_is_in_order_and_is_the_one_that_the_container_reads() -> None:
    (place,) = re.findall(r"ENV PARTNERSHIPS_CONFIG=(\S+)", CONTAINERFILE)
    assert f"./container.toml:{place}:ro" in COMPOSE


def test_what_has_to_last_is_in_the_volume() -> None:
    web, mail = SETTINGS.procedure.web, SETTINGS.procedure.mail
    assert f"VOLUME {LASTING}\n" in CONTAINERFILE
    assert f'"data:{LASTING}"' in COMPOSE
    assert {str(Path(place).parent) for place in (web.keys_file, mail.maildir, mail.replies_maildir)} == {
        LASTING
    }


def test_the_pages_are_published_on_this_machine_only() -> None:
    port = SETTINGS.procedure.web.listen.rpartition(":")[2]
    assert f"EXPOSE {port}\n" in CONTAINERFILE
    assert re.findall(r'ports: \["(.+)"\]', COMPOSE) == [f"127.0.0.1:{port}:{port}"]


def test_the_daemon_and_the_database_call_each_other_by_the_same_names() -> None:
    assert SETTINGS.database_url == "postgresql+psycopg://partnerships@database/partnerships"
    assert {"POSTGRES_USER: partnerships", "POSTGRES_DB: partnerships"} <= {
        line.strip() for line in COMPOSE.splitlines()
    }
    assert re.search(r"^  database:$", COMPOSE, re.MULTILINE)


def test_it_is_not_killed_before_it_has_finished() -> None:
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", COMPOSE)
    assert int(grace) > service.PATIENCE
    assert "exec partnershipd" in CONTAINERFILE, "the daemon itself hears the stop"
