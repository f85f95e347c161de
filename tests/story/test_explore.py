from tests.states.life import REVIEWERS
from tests.story.office import Office
from tests.story.past import Past

def p(step, label):
    print(label, step.state, step.due, step["version"])

def end(office, ref="rbhs-2025"):
    print("\n".join(office.history(ref)))
    print("\n".join(office.notices(ref)))
    assert 0

def test_two(office: Office) -> None:
    office.at("2025-08-13 08:00").take_in(Past().drafted(amount_cents=25_000_000, starts_on="2025-11-01", ends_on="2026-11-01"))
    office.at("2025-08-13")
    print(office.do("sign-agreement", "staff", signed_on="2025-08-13", status=1).unmet)
    p(office.do("refer-to-board", "staff"), "refer")
    p(office.do("schedule-item", "board-office", meeting_on="2025-09-17"), "sched")
    print(office.at("2025-09-05 17:00").daemon())
    print(office.at("2025-09-17 18:00").do("approve", "board-office", meeting_on="2025-09-17", status=1).unmet)
    p(office.do("introduce-item", "board-office", meeting_on="2025-09-17"), "intro")
    p(office.do("schedule-item", "board-office", meeting_on="2025-10-08"), "sched")
    print(office.at("2025-10-08 15:00").daemon())
    p(office.at("2025-10-08 18:00").do("approve", "board-office", meeting_on="2025-10-08"), "approve")
    p(office.at("2025-10-10").do("sign-agreement", "lead-partner", signed_on="2025-10-10"), "sign")
    p(office.do("sign-agreement", "staff", signed_on="2025-10-10"), "sign")
    print(office.daemon())
    end(office)

def test_three(office: Office) -> None:
    office.at("2025-08-14").take_in(Past().referred().did("schedule-item", "board-office", meeting_on="2025-09-17"))
    print(office.at("2025-09-18 11:58").daemon())
    print(office.at("2025-09-18 12:00").daemon())
    p(office.show(), "show")
    print(office.at("2025-10-09 12:00").daemon())
    s = office.show()
    p(s, "show"); print(s["facts"]["board"])
    p(office.at("2025-11-19 19:00").do("introduce-item", "board-office", meeting_on="2025-11-19", immediate_action=True), "intro")
    p(office.do("approve", "board-office", meeting_on="2025-11-19"), "approve")
    end(office)

def test_four(office: Office) -> None:
    office.at("2025-08-13 10:00").take_in(Past().active())
    s = office.at("2025-10-01").do("amend-agreement", "staff", amount_cents=25_000_000, reason="a second tutor")
    p(s, "amend")
    p(office.do("refer-to-board", "staff", purpose="amendment"), "refer")
    p(office.do("schedule-item", "board-office", meeting_on="2025-11-19"), "sched")
    p(office.at("2025-11-19 18:00").do("introduce-item", "board-office", meeting_on="2025-11-19"), "intro")
    p(office.do("schedule-item", "board-office", meeting_on="2025-12-10"), "sched")
    p(office.at("2025-12-10 18:00").do("approve", "board-office", meeting_on="2025-12-10"), "approve")
    s = office.show()
    print(s["facts"]["agreement"])
    p(office.do("sign-agreement", "staff", signed_on="2025-12-10"), "sign")
    p(office.do("sign-agreement", "lead-partner", signed_on="2025-12-10"), "sign")
    print(office.daemon())
    end(office)

def test_five(office: Office) -> None:
    office.at("2025-08-13 10:00").take_in(Past().active())
    print(office.at("2026-07-02 17:00").daemon())
    p(office.at("2026-07-20").do("submit-report", "lead-partner"), "report")
    p(office.do("give-finding", "principal", impact=False), "finding")
    p(office.do("give-finding", "staff", impact=False), "finding")
    print(office.do("terminate", "staff", ground="no-substantial-impact", effective_on="2026-07-25", status=1).unmet)
    print(office.do("continue", "staff", status=1).unmet)
    p(office.do("terminate", "staff", ground="no-substantial-impact", effective_on="2026-08-20"), "terminate")
    print(office.daemon())
    end(office)

def test_five_b(office: Office) -> None:
    past = Past().approved().on("2026-07-02").did("open-annual-review", "staff").on("2026-07-06").did("submit-report", "lead-partner")
    for w in ("principal", "staff"): past.did("give-finding", w, impact=False)
    office.at("2026-07-06 10:00").take_in(past)
    print(office.do("terminate", "staff", ground="no-substantial-impact", effective_on="2026-08-20", status=1).unmet)
    print(office.do("refer-to-board", "staff", purpose="renewal", status=1).unmet)
    p(office.do("refer-to-board", "staff", purpose="termination"), "refer")
    p(office.do("schedule-item", "board-office", meeting_on="2026-08-26"), "sched")
    print(office.at("2026-08-26 18:00").do("approve", "board-office", meeting_on="2026-08-26", status=1).unmet)
    p(office.do("terminate", "board-office", ground="no-substantial-impact", effective_on="2026-09-15", meeting_on="2026-08-26", ayes=6, noes=1), "term")
    print(office.daemon())
    end(office)
