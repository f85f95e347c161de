"""The lifecycle as a picture: every move is drawn and told, and it shows where a partnership stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from states.machine import moves
from states.names import State
from workflow.procedure.config import Config, ConfigError, load
from workflow.publishing.lifecycle import WIDTH, Stand, draw_svg

SVG = "{http://www.w3.org/2000/svg}"


def stand(state: State, ref: str = "rbhs-2025", school: str = "Rainier Beach School") -> Stand:
    return Stand(ref, school, state, datetime(2025, 9, 3, 1, tzinfo=UTC))


def drawn(settings: Config, at: Stand | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(draw_svg(settings, at))


def arrows(picture: ElementTree.Element) -> int:
    """How many heads of arrows there are, without the one to the first state."""
    paths = picture.findall(f"{SVG}path")
    return sum(key in path.attrib for path in paths for key in ("marker-start", "marker-end")) - 1


def test_every_move_is_told_and_has_an_arrow(settings: Config) -> None:
    picture = drawn(settings)
    told = picture.findtext(f"{SVG}desc") or ""
    shown = " ".join(" ".join(text.itertext()).strip() for text in picture.iter(f"{SVG}text"))
    for (start, to), events in moves().items():
        names = [state.replace("-", " ").capitalize() for state in (start, to)]
        for event in events:
            label = settings.events[event]["label"]
            assert re.search(f"From {names[0]}[^.]* to {names[1]}: [^.]*{re.escape(label)}", told)
            assert label in shown
    # All that end a partnership share one arrow, but for the state right before it.
    ends = sum(to is State.TERMINATED for _, to in moves())
    assert arrows(picture) == len(moves()) - ends + 2
    assert picture.attrib["role"] == "img"
    labels = picture.attrib["aria-labelledby"].split()
    assert [picture.find(f"{SVG}{tag}").attrib["id"] for tag in ("title", "desc")] == labels  # type: ignore[union-attr]
    assert picture.attrib["width"] == str(WIDTH) == "320"


@pytest.mark.parametrize("state", State)
def test_the_state_of_a_partnership_is_marked_in_words_and_by_a_frame(settings: Config, state: State) -> None:
    picture = drawn(settings, stand(state))
    (group,) = [g for g in picture.findall(f"{SVG}g") if "since" in " ".join(g.itertext())]
    words = [text.text for text in group.findall(f"{SVG}text")]
    assert words[:2] == [state.replace("-", " ").capitalize(), "● since September 2, 2025"]
    box = group.find(f"{SVG}rect")
    assert box is not None
    assert box.attrib["stroke-width"] == "3"
    title = f"Where rbhs-2025 stands: {state.replace('-', ' ').capitalize()}"
    assert picture.findtext(f"{SVG}title") == title


def test_a_name_is_no_markup(settings: Config) -> None:
    picture = drawn(settings, stand(State.ACTIVE, school="<script>&</script>"))
    assert list(picture.iter(f"{SVG}script")) == []
    assert "<script>&</script>" in (picture.findtext(f"{SVG}desc") or "")


def test_a_district_can_have_its_own_drawing_and_a_mistake_in_it_is_named(tmp_path: Path) -> None:
    own = tmp_path / "templates" / "publishing" / "lifecycle.svg.j2"
    own.parent.mkdir(parents=True)
    (tmp_path / "config.toml").write_text("")
    own.write_text("<svg>{{ first }}</svg>")
    settings = load(tmp_path / "config.toml", words=False)
    assert draw_svg(settings) == "<svg>Begin a partnership</svg>"
    own.write_text("{{ nothing }}")
    with pytest.raises(ConfigError) as mistake:
        draw_svg(settings)
    assert mistake.value.problems[0].at == "templates/publishing/lifecycle.svg.j2"
