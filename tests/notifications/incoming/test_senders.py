"""Who is believed to have sent a message, by what the receiving mail server wrote down (RFC 7489, RFC 8601)."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifications.incoming.replies import read
from tests.notifications.incoming.test_replies import BODY, MX, message

PASSED = f"Authentication-Results: {MX}; dmarc=pass (p=NONE) header.from=example.org"
FAILED = f"Authentication-Results: {MX}; dmarc=fail header.from=example.org"
RECEIVED = f"Received: from mail.example.org by {MX} with ESMTPS; Tue, 8 Jul 2025 09:00:00 -0700"
EARLIER = "Received: from laptop by mail.example.org with ESMTPSA; Tue, 8 Jul 2025 09:00:00 -0700"
LOCAL = f"Received: from {MX} by {MX} with LMTP; Tue, 8 Jul 2025 09:00:01 -0700"
EXCHANGE = (
    f"Authentication-Results: {MX}; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=pass"
    " (signature was verified) header.d=example.org;dmarc=pass action=none header.from=example.org;"
    "compauth=pass reason=100"
)
VERDICTS = {
    "it passed": ([PASSED], "pass"),
    "it failed": ([FAILED], "fail"),
    "the topmost counts": ([FAILED, PASSED], "fail"),
    "above the line of receipt": ([PASSED, RECEIVED, EARLIER], "pass"),
    "below the line of receipt": ([RECEIVED, PASSED, EARLIER], "pass"),
    "delivered within the house": ([LOCAL, PASSED, RECEIVED, EARLIER], "pass"),
    "below what another server wrote": ([RECEIVED, EARLIER, PASSED], ""),
    "of another server": ([PASSED.replace(MX, "evil.example.net")], ""),
    "about another domain": ([PASSED.replace("header.from=example.org", "header.from=example.net")], ""),
    "about no domain": ([f"Authentication-Results: {MX}; dmarc=pass"], ""),
    "no DMARC in it": ([f"Authentication-Results: {MX}; spf=pass smtp.mailfrom=example.org"], ""),
    "it says it twice": ([PASSED + "; dmarc=fail header.from=example.org"], ""),
    "it cannot be read": ([f"Authentication-Results: {MX}; dmarc=pass header.from="], ""),
    "there is none": ([], ""),
    "as exchange writes it": ([EXCHANGE], "pass"),
}  # fmt: skip


@pytest.mark.promise("proven-sender")
@pytest.mark.parametrize("case", VERDICTS)
def test_only_what_the_named_server_found_is_believed(case):
    lines, verdict = VERDICTS[case]
    assert read(message(BODY, *lines), MX).dmarc == verdict
    assert read(message(BODY, *lines)).dmarc == ""


# Servers that say more, or less, than a name and a result of DMARC

MICROSOFT = (Path(__file__).parents[2] / "cases" / "reply-microsoft-365-head.txt").read_text(encoding="utf-8")
RESULT = MICROSOFT[MICROSOFT.index("Authentication-Results: spf") : MICROSOFT.index("Received-SPF")]
CLAIM = "Authentication-Results: dmarc=pass header.from=example.org\n"
EOP = "Received: from x.outlook.com by a.protection.outlook.com with SMTP; today\n"


def results(head: str, server: str, sender: str = "a@example.org") -> str:
    return read(f"{head}From: {sender}\nTo: b@example.org\n\nagree\n".encode(), server).dmarc


@pytest.mark.promise("forged-results-ignored")
def test_microsoft_365_is_believed_by_its_topmost_line_alone() -> None:
    nothing = MICROSOFT.replace(RESULT, "")
    assert results(MICROSOFT, "microsoft-365") == "pass"
    for forged in (
        nothing + CLAIM, CLAIM, CLAIM + "Received: from a by mx.example.org; today\n",
        MICROSOFT.replace("dmarc=pass action=none\n", "dmarc=fail action=none\n") + CLAIM, EOP + CLAIM,
        CLAIM + "Received: from a.outlook.com by b.outlook.com; today\n",
    ):  # fmt: skip
        assert results(forged, "microsoft-365") != "pass", forged
    assert results(MICROSOFT, "microsoft-365", "a@example.net") == ""
    assert results(MICROSOFT, "mx.example.org") == ""


@pytest.mark.promise("forged-results-ignored")
def test_who_has_logged_in_with_the_address_of_the_from_line_is_believed() -> None:
    def logged_in(result: str) -> str:
        return results(f"Authentication-Results: {result}\n", "mx.example.org")

    assert logged_in("mx.example.org; auth=pass (PLAIN) smtp.auth=A@example.org") == "pass"
    assert (
        logged_in("mx.example.org; dmarc=fail header.from=example.org; auth=pass smtp.auth=a@example.org")
        == "pass"
    )
    assert (
        logged_in(
            'mx.example.org; auth=pass smtp.auth="A@example.org" smtp.mailfrom="a@example.org"; spf=none'
        )
        == "pass"
    )
    for other in (
        'mx.example.org; auth=pass smtp.auth="a@example.org b@example.org"',
        'mx.example.org; auth=pass reason="smtp.auth=a@example.org" smtp.auth=b@example.org',
        'mx.example.org; auth=none reason="x; auth=pass smtp.auth=a@example.org"',
        'mx.example.org; auth=pass smtp.auth="b@example.org"; spf=pass smtp.mailfrom="a@example.org"',
        "mx.example.org; auth=pass smtp.auth=b@example.org", "mx.example.org; auth=pass smtp.auth=a",
        "mx.example.org; auth=fail smtp.auth=a@example.org", "mx.example.net; auth=pass smtp.auth=a@example.org",
        "mx.example.org; auth=pass smtp.mailfrom=a@example.org", "mx.example.org; auth=pass",
    ):  # fmt: skip
        assert logged_in(other) == "", other


@pytest.mark.promise("forged-results-ignored")
@pytest.mark.parametrize(
    "blank", ["\x1c", "\x1f", "\x85", "\xa0", "\u2003", "\0", "X: 1\rAuthentication-Results: "]
)
def test_what_a_mail_server_does_not_take_for_its_name_is_not_taken_for_it_here(blank: str) -> None:
    before = "" if blank.startswith("X") else "Authentication-Results: "
    forged = (
        f"{before}{blank}mx.example.org{'' if before == '' else blank}; dmarc=pass header.from=example.org\n"
    )
    assert results(forged, "mx.example.org") == ""


LOGIN = (
    "Received: from [192.0.2.7] (a.example.org [192.0.2.7])\n\t(using TLSv1.3 with cipher X (256/256 bits)\n"
    "\t server-signature ECDSA (prime256v1)) (No client certificate requested)\n\t"
    "(Authenticated sender: A@example.org)\n\tby mx.example.org (Postfix) with ESMTPSA id 4F1\n"
    "\tfor <b@example.org>; Mon, 7 Jul 2025 09:00:00 -0700\n"
)
OUTSIDE = "Received: from x (x [192.0.2.9]) by mx.example.org (Postfix) with ESMTPS id 1; today\n"


@pytest.mark.promise("forged-results-ignored")
def test_the_login_that_postfix_notes_in_its_own_line_is_believed_and_nobody_else_s() -> None:
    claim = " (Authenticated sender: a@example.org) by mx.example.org (Postfix) with ESMTPSA id 2 (a"
    lmtp = "Received: from mx.example.org by imap.example.org with LMTP id 1; today\n"
    for head in (LOGIN, lmtp + LOGIN, LOGIN.replace("with ESMTPSA", "with UTF8SMTPSA"), LOGIN + OUTSIDE):
        assert results(head, "mx.example.org") == "pass", head
    for head in (
        OUTSIDE + LOGIN, lmtp + OUTSIDE + LOGIN, lmtp + lmtp + LOGIN, LOGIN.replace("A@", "b@"),
        LOGIN.replace("A@example.org", "a"), LOGIN.replace("by mx.", "by mx2."), LOGIN.replace("ESMTPSA", "ESMTPS"),
        LOGIN.replace("A@", "b@").replace("[192.0.2.7] (a", claim), OUTSIDE.replace("from x", f"from x{claim}"),
        LOGIN.replace("Received", "X-Received"), "",
    ):  # fmt: skip
        assert results(head, "mx.example.org") == "", head
    assert results(LOGIN, "microsoft-365") == ""
    assert results(LOGIN, "") == ""
