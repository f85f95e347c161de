"""What is sealed stays sealed in both forms of a dossier; the public copy also keeps quiet until the choice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import letters
from tests.support.district import Begin
from tests.support.facts import CBO, COLLEGE
from tests.workflow.publishing.test_dossier import made, readings
from workflow.record import checkpoint
from workflow.record.marks import Mark

TEXT = "howweshow"


@pytest.mark.promise("withheld-stays-withheld")
@pytest.mark.parametrize("public", [False, True])
def test_an_open_call_stays_sealed(begin: Begin, public: bool) -> None:
    life = begin("applied")
    letters.delivered(life)
    everything = " ".join(readings(made(life, public=public)))
    assert TEXT not in everything
    assert "messages/" in everything
    # The office knows who applied. Nobody outside does.
    assert ("lead-partner@example.org" in everything) is not public


@pytest.mark.parametrize("public", [False, True])
def test_who_withdrew_before_the_closing_is_never_named(begin: Begin, public: bool) -> None:
    life = begin("applied")
    letters.delivered(life)
    life.do("withdraw-application", "applicant@example.org", organization=COLLEGE)
    letters.delivered(life)
    life.at("2025-08-15 17:00").do("close-applications", "clock")
    everything = " ".join(readings(made(life, public=public)))
    for text in ("applicant@example.org", "citycollege", COLLEGE):
        assert text not in everything
    assert (TEXT in everything) is not public  # that of the other one, which the panel may read now


def test_scores_and_applications_are_exempt_until_the_choice_is_made(begin: Begin) -> None:
    life = begin("scored")
    letters.delivered(life)
    before = made(life)
    assert "[withheld: preliminary]" in before["index.html"].decode()
    for text in (TEXT, "harborhouse", CBO, '"comment":"strong"'):
        assert text not in " ".join(readings(before))
    life.at("2025-08-20").do("choose-partner")
    after = " ".join(readings(made(life)))
    for text in (TEXT, CBO, '"comment":"strong"'):
        assert text in after


def test_an_outcome_that_is_withheld_does_not_show_as_the_name_of_its_value(begin: Begin) -> None:
    life = begin("reported")
    letters.delivered(life)
    numbers = {row["event"]: row["seq"] for row in life.history()}
    files = made(life, Mark(f"row/{numbers['set-outcomes']}/input/outcomes/1/name", "student", None))
    assert 'suspensions"' not in " ".join(readings(files))
    assert f"row/{numbers['submit-report']}/input/values" in files["exemptions.csv"].decode()


def test_an_amount_and_a_day_are_not_told_by_messages_or_dates(begin: Begin) -> None:
    life = begin("active")
    letters.delivered(life)
    (number,) = [row["seq"] for row in life.history() if row["event"] == "draft-agreement"]
    marks = [Mark(f"row/{number}/input/{key}", "trade-secret", None) for key in ("amount_cents", "ends_on")]
    files = made(life, *marks)
    everything = " ".join(readings(files))
    for text in ("24999999", "249,999", "2026-08-31", "august31,2026", "20260831"):
        assert text not in everything
    assert "dates.ics" not in files


def test_the_public_copy_verifies_with_its_proof_where_this_project_is_not(
    begin: Begin, tmp_path: Path
) -> None:
    life = begin("reported")
    checkpoint.take(life.system, life.now, by="staff")
    files = made(life, Mark("row/2/input", "student", None))
    for name in ("record.json", "proof.json", "verify_export.py"):
        (tmp_path / name).write_bytes(files[name])

    def verify() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "verify_export.py", "record.json", "proof.json"], cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert verify()[0] == 0, verify()
    document = json.loads(files["record.json"])
    document["partnerships"][0]["history"][4]["input"]["closes_on"] = "2025-08-14"
    (tmp_path / "record.json").write_text(json.dumps(document), encoding="utf-8")
    assert verify()[0] == 1
    assert "proof.json" in files["how-to-check.html"].decode()
