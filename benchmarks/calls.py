"""What the public pages and feeds cost with 100 and with 75,000 open calls: time, bytes, memory of the server.

A real `partnershipd` serves them while it ticks. `--old` names another source tree to do the same with first.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import serving

AIM = 200  # milliseconds for a page or a feed, however many calls are open
SIZES = (100, 75_000)
# The table is a stream of every partnership: it may take longer, in the same memory.
PAGES = ("/calls", "/calls.atom", "/calls.ics", "/calls/open-7", "/partnerships", "/partnerships.json")
TABLE = "/partnerships.csv"
PORT = 18428
_ROUNDS, _PATIENCE = 9, 20  # pages of one address, and seconds after which no other is asked for
_HERE = Path(__file__).resolve()


def measure(folder: Path, number: int) -> None:
    """Serve so many open calls in the source tree of this process, and print what each page costs."""
    prepare(folder, number)
    with serving.serve(folder, PORT) as daemon:
        print(f"  at the start: {daemon.memory():.0f} MB")
        for path in (*PAGES, *_deep_pages(daemon), TABLE):
            _report(path, daemon)


def prepare(folder: Path, number: int, port: int = PORT) -> None:
    """Make a district with so many open calls, which close on fifty days from next month on."""
    import district

    now, today = datetime.now(UTC), district.today()
    path = district.settings(folder)
    text = path.read_text(encoding="utf-8").replace("[web]\n", f'[web]\nlisten = "127.0.0.1:{port}"\n')
    path.write_text(text, encoding="utf-8")
    opened = now - timedelta(days=10)
    stories = [
        district.Story(f"open-{n}", n, opened).applied(today + timedelta(days=30 + n % 50)).given()
        for n in range(min(number, district.SCHOOLS))
    ]
    district.found(folder, stories, now)
    district.multiply(folder, number)


def _deep_pages(daemon: serving.Served) -> list[str]:
    """The addresses of the second pages, where the source tree has them."""
    deep = []
    for path in ("/calls", "/calls.atom"):
        # The feed of an older tree has no such link, and may not be made within the time.
        found = re.search(
            r'href="[^"]*?(/calls[^"]*)" rel="next"|rel="next"[^>]*href="[^"]*?(/calls[^"]*)"',
            daemon.ask(path).body.decode(),
        )
        deep += [(found[1] or found[2]).replace("&amp;", "&")] if found else []
    return deep


def _report(path: str, daemon: serving.Served) -> None:
    """Ask for a page some times, and print the median time, its bytes and the most memory since the page before."""
    daemon.forget_most()
    took: list[float] = []
    while len(took) < _ROUNDS and sum(took) < _PATIENCE:
        answer = daemon.ask(path)
        took.append(answer.seconds)
    milliseconds = 1000 * statistics.median(took)
    print(
        f"  {path[:40]:40} {answer.status} {milliseconds:10,.0f} ms {len(answer.body):14,} bytes"
        f"  at most {daemon.memory():.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="N", help="open calls")
    parser.add_argument("--old", type=Path, metavar="TREE", help="another source tree of this program")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.sizes[0])
        return
    for name, tree in (("the other tree", given.old), ("this tree", _HERE.parents[1])):
        for size in given.sizes if tree else ():
            print(f"{name}: {size:,} open calls  (aim {AIM} ms for each page)", flush=True)
            with tempfile.TemporaryDirectory(dir=given.folder) as folder:
                command = [sys.executable, str(_HERE), "--measure", folder, "--sizes", str(size)]
                subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tree)}, check=True)


if __name__ == "__main__":
    main()
