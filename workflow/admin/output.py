"""Writes what a command makes to the file that --output names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console

OUTPUT = click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")


def write_output(console: Console, output: Path, content: bytes, document: dict[str, Any]) -> None:
    """Write content to a file and say so; `document` is the answer in JSON besides its name. Raises `BadInput`."""
    try:
        output.write_bytes(content)
    except OSError as error:
        problem = f"it cannot be written: {error.strerror}"
        raise BadInput([Problem("--output", problem, "a file in a folder that exists")]) from None
    console.show(document | {"output": str(output)}, lambda: console.tell(f"Wrote {output}."))
