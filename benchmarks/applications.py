"""What one call with 1,000 long applications costs the daemon: its memory, and the time of each application.

A real `partnershipd` takes the applications through the forms of its pages while it ticks every two seconds. Then
staff and the public open their pages. `--old` names another source tree to do the same with in the same run.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import serving

AIM = 150  # MB, for the most memory that the daemon ever has
_PORT = 18427
_HERE = Path(__file__).resolve()
_TEXT = "What we have done for the students of three schools, with figures of each year. "


def measure(folder: Path, number: int, size: int, caps: bool) -> None:
    """Fill one call through a daemon, in the source tree of this process, and print what it cost."""
    import district

    from states.inputs import ABILITIES
    from workflow import links
    from workflow.links import Applicant

    now = datetime.now(UTC)
    story = district.Story("call", 0, now - timedelta(days=1)).described()
    story.do("agree-needs", district.principal(0))
    story.do("agree-needs", district.STAFF)
    closes = district.today() + timedelta(days=30)
    story.do("open-selection", district.STAFF, closes_on=closes.isoformat(), reviewers=list(district.PANEL))
    path = district.settings(folder)
    web = f'[web]\nlisten = "127.0.0.1:{_PORT}"\nposts_per_minute = 10000\n'
    text = path.read_text(encoding="utf-8").replace("[web]\n", web) + "[daemon]\ntick_seconds = 2\n"
    text += f"[selection]\nmost_applications = {number}\nmost_of_domain = {number}\n" if caps else ""
    path.write_text(text, encoding="utf-8")
    district.found(folder, [story.given()], now)
    system = district.opened(folder)
    words = (_TEXT * (size // len(_TEXT) + 1))[: size // (len(ABILITIES) + 1)]
    with serving.serve(folder, _PORT) as daemon:
        took = []
        for n in range(number):
            link = links.apply_address(system.config, Applicant("call", f"a{n}@example.org", 0))
            form = dict.fromkeys((*ABILITIES, "demonstration"), words)
            form |= {"name": f"Applicant {n}", "kind": "other", "contact_name": "Somebody"}
            took.append(_apply(daemon, link, form))
        _report("after the last application", daemon)
        print(f"  the 10th application {_near(took, 10):.3f} s, the {number:,}th {_near(took, number):.3f} s")
        time.sleep(6)  # some ticks
        with system.reading() as session:
            page = _page_of_staff(session)
        print(f"  the page of staff {daemon.ask(page).seconds:.2f} s", end="")
        print(f", the public page {daemon.ask('/calls/call').seconds:.2f} s", end="")
        print(f", the list of calls {daemon.ask('/calls').seconds:.2f} s")
        _report("after the pages", daemon)


def _page_of_staff(session: object) -> str:
    """The address of the partnership's page in a message to staff."""
    from sqlalchemy import select

    from workflow.outbox import message
    from workflow.store import tables
    from workflow.store.rows import Notice

    table = tables.notices
    query = select(table).where(table.c.role == "staff", table.c.partnership.is_not(None))
    row = session.connection.execute(query.order_by(table.c.id.desc())).first()  # type: ignore[attr-defined]
    return str(message.context_of(session, Notice.from_row(row))["page"])  # type: ignore[arg-type]


def _near(took: list[float], number: int) -> float:
    """The median of ten applications up to this one."""
    return statistics.median(took[max(0, number - 10) : number])


def _apply(daemon: serving.Served, link: str, form: dict[str, str]) -> float:
    """Send an application; in how many seconds it was taken."""
    answer = daemon.ask(link, form | {"do": "send", "form": secrets.token_hex(12)})
    if "We have your application" not in answer.body.decode():
        sys.exit("an application was not taken")
    return answer.seconds


def _report(when: str, daemon: serving.Served) -> None:
    print(f"  {when}: at most {daemon.memory():.0f} MB  (aim {AIM})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1_000, help="how many applications")
    parser.add_argument("--size", type=int, default=120_000, help="how many characters each has")
    parser.add_argument("--old", type=Path, metavar="TREE", help="another source tree of this program")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--caps", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.number, given.size, given.caps)
        return
    for name, tree in (("this tree", _HERE.parents[1]), ("the other tree", given.old)):
        if tree is None:
            continue
        print(f"{name}: {given.number:,} applications of {given.size:,} characters", flush=True)
        # Settings that a tree does not know would stop its daemon.
        caps = ["--caps"] * ("most_of_domain" in (tree / "config.toml").read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            command = [sys.executable, str(_HERE), "--measure", folder, *caps]
            command += ["--number", str(given.number), "--size", str(given.size)]
            subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tree)}, check=True)


if __name__ == "__main__":
    main()
