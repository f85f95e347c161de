"""The systemd unit: its options exist, it fits the daemon, and it takes away what the daemon does not need."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from workflow.daemon import service
from workflow.procedure import config
from workflow.procedure.config import ConfigError

UNIT = Path(__file__).parents[3] / "contrib" / "partnershipd.service"
# From systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5), as of version 247.
KNOWN = {
    "Unit": {"Description", "Documentation", "Wants", "After"},
    "Service": {
        "Type", "NotifyAccess", "ExecStart", "ExecReload", "WatchdogSec", "TimeoutStopSec", "Restart", "RestartSec",
        "RestartPreventExitStatus", "User", "Group", "StateDirectory", "StateDirectoryMode", "UMask",
        "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts",
        "PrivateUsers", "ProtectClock",
        "ProtectHostname", "ProtectControlGroups", "ProtectKernelLogs", "ProtectKernelModules",
        "ProtectKernelTunables", "ProtectProc", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime",
        "RestrictSUIDSGID", "LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC", "CapabilityBoundingSet",
        "AmbientCapabilities", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber",
    },
    "Install": {"WantedBy"},
}  # fmt: skip


def parsed(text: str) -> dict[str, list[tuple[str, str]]]:
    """The options of each section, in order; an option may come more than once."""
    sections: dict[str, list[tuple[str, str]]] = {}
    here: list[tuple[str, str]] | None = None
    for line in text.splitlines():
        if not line or line.startswith(("#", ";")):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            assert heading[1] not in sections
            here = sections[heading[1]] = []
            continue
        name, equals, value = line.partition("=")
        assert equals, line
        assert re.fullmatch(r"[A-Z]\w+", name), line
        assert here is not None, line
        here.append((name, value))
    return sections


SECTIONS = parsed(UNIT.read_text(encoding="utf-8"))
SERVICE = dict(SECTIONS["Service"])


def seconds(span: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min)", span).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "min": 60}[unit]


def test_it_has_the_sections_and_options_that_systemd_knows() -> None:
    assert {section: {name for name, _ in options} for section, options in SECTIONS.items()} == KNOWN


def test_systemd_itself_has_nothing_to_say_of_it(tmp_path: Path) -> None:
    """Where its checker is installed; the test above holds everywhere."""
    checker = shutil.which("systemd-analyze") or shutil.which("true")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/partnerships/bin/partnershipd", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")
    said = subprocess.run(
        [str(checker), "verify", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert UNIT.name not in said.stdout + said.stderr


def test_it_starts_and_reloads_the_daemon_as_the_daemon_understands_it() -> None:
    assert re.fullmatch(r"/\S+/bin/partnershipd --config /etc/\S+\.toml", SERVICE["ExecStart"])
    assert SERVICE["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert (SERVICE["Type"], SERVICE["NotifyAccess"]) == ("notify", "main")


def test_it_is_patient_enough() -> None:
    packaged = config.load(None, words=False).procedure.daemon.tick_seconds
    assert seconds(SERVICE["WatchdogSec"]) > service.STALE * packaged
    assert seconds(SERVICE["TimeoutStopSec"]) > service.PATIENCE


def test_it_is_started_again_unless_that_is_no_use() -> None:
    assert SERVICE["Restart"] == "on-failure"
    assert SERVICE["RestartPreventExitStatus"] == str(ConfigError.exit_status)


def test_it_takes_away_what_the_daemon_need_not_have() -> None:
    assert SERVICE["User"] not in ("root", "")
    assert SERVICE["UMask"] == "0077"
    assert (SERVICE["ProtectSystem"], SERVICE["ProtectHome"]) == ("strict", "yes")
    assert (SERVICE["CapabilityBoundingSet"], SERVICE["AmbientCapabilities"]) == ("", "")
    switches = [
        name for name in SERVICE if name.startswith(("Protect", "Private", "NoNew", "Lock", "Memory"))
    ]
    assert {SERVICE[name] for name in switches} <= {"yes", "strict", "invisible"}
    assert [value for name, value in SECTIONS["Service"] if name == "SystemCallFilter"] == [
        "@system-service", "~@privileged @resources", "setpriority",
    ]  # fmt: skip
