"""Runs the command packet: write the draft of a Board Action Report to a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.references import REF, find_record
from workflow.admin.terminal import echo
from workflow.publishing import packet as packets
from workflow.publishing.packet import ENDINGS, Ending

_EXPECTED = "a name that ends in " + ", ".join(f".{ending}" for ending in ENDINGS)


@click.command()
@REF
@click.option(
    "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
    help="Where to write it: FILE.html, FILE.docx or FILE.pdf.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Put it in the place of a FILE that is there already.")
@common
def packet(console: Console, ref: str, output: Path, force: bool) -> None:
    """Write the draft of a Board Action Report.

    It is for what is before the Board, or being prepared for it.

    It is filled from the record. What the record does not say is a marked place for staff. It becomes public with
    the agenda, so it names no reviewer, no other applicant and no e-mail address.
    """
    ending = _ending_of(output)
    if output.exists() and not output.is_file():
        raise BadInput([Problem("--output", f"{output} is no regular file", _EXPECTED)])
    if output.exists() and not force:
        raise BadInput([Problem("--output", f"{output} is there already", "another name, or --force")])
    with console.system.reading() as session:
        made = packets.write_packet(session, find_record(session, ref), console.now)
    content = packets.make_file(made, ending, console.now)
    try:
        # Without --force the file is made anew, also if another program made one of this name meanwhile.
        with output.open("wb" if force else "xb") as file:
            file.write(content)
    except OSError as error:
        problem = f"{output} cannot be written: {error.strerror}"
        raise BadInput([Problem("--output", problem, "a place that can be written")]) from None
    document = {
        "ref": made.ref,
        "purpose": made.proposal.purpose,
        "prepared": made.is_prepared,
        "file": str(output),
        "format": ending,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "places": made.places,
    }
    ahead = ", ahead of its referral" if made.is_prepared else ""
    words = f"Wrote {output} ({made.proposal.purpose}{ahead}). {made.places} places are marked for staff."
    console.show(document, lambda: echo(words))


def _ending_of(output: Path) -> Ending:
    """Return the kind of file that a name asks for. Raise `BadInput` for another one."""
    asked = output.suffix.removeprefix(".").lower()
    for ending in ENDINGS:
        if asked == ending:
            return ending
    problem = f"{output} has no ending" if not asked else f"there is no packet of the kind .{asked}"
    raise BadInput([Problem("--output", problem, _EXPECTED)])
