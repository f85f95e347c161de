"""How fast one daemon writes and hands over mail that is due: what waits after many calls have closed at once.

The real `partnershipd --once` delivers it into a Maildir, from a SQLite file and from PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import burst
import daemons
import district

_TICK = re.compile(r"event=tick .*notices_sent=(\d+).* seconds=([\d.]+)")


def queued(folder: Path, calls: int) -> None:
    """A SQLite file in which so many calls have closed, and whatever that tells people waits to leave."""
    burst.prepare(folder, calls)
    burst.fire(folder)
    connection = district.bare(folder)
    connection.execute("UPDATE notices SET next_at = queued_at, held = 0 WHERE status = 'queued'")
    connection.commit()
    connection.close()


def deliver(folder: Path) -> tuple[int, float]:
    """How many messages left, and in how many seconds of ticks."""
    path = folder / "config.toml"
    text = path.read_text(encoding="utf-8").replace('hours = "16:59-17:01"', "per_minute = 0")
    path.write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("partnershipd")), "--config", str(path), "--once"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    ticks = [(int(found[1]), float(found[2])) for found in _TICK.finditer(done.stderr)]
    assert ticks, done.stderr[-2000:]
    return sum(number for number, _ in ticks), sum(seconds for _, seconds in ticks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "calls", type=int, nargs="?", default=200, help="calls that closed; seven messages each"
    )
    parser.add_argument("--url", help="postgresql+psycopg://... of a server; else one from a package")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, daemons.server(given.url) as url:
        source, target = Path(name) / "sqlite", Path(name) / "postgresql"
        queued(source, given.calls)
        daemons.move(source, target, url)
        for folder in (source, target):
            number, seconds = deliver(folder)
            print(
                f"{folder.name}: {number:,} messages in {seconds:.1f} s, {1000 * seconds / number:.1f} ms each,"
                f" {60 * number / seconds:,.0f} a minute",
                flush=True,
            )
        daemons.admin(url, f"DROP DATABASE {daemons.TEMPLATE} WITH (FORCE)")


if __name__ == "__main__":
    main()
