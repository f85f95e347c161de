"""Recognizes a browser in which a person has signed in, by its cookie, and guards the forms of their page."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from flask import Response, abort, request

from workflow.actions import sign_in
from workflow.store.rows import SignIn
from workflow.web.site import Site, require_form


def current(site: Site) -> SignIn | None:
    """Return the sign-in of the browser that sent this request, or None."""
    key = request.cookies.get(_cookie_name(site), "")
    if not key:
        return None
    now = site.clock()
    with site.system.reading() as session:
        found = sign_in.find(session, key, now)
    if found is not None and sign_in.needs_mark(found, now):
        mine = found
        site.system.transact(lambda session: sign_in.mark_seen(session, mine, now))
    return found


def remember(site: Site, response: Response, key: str) -> None:
    """Give the browser the key of its sign-in (RFC 6265)."""
    response.set_cookie(
        _cookie_name(site),
        key,
        max_age=int(sign_in.LASTS.total_seconds()),
        path=_path(site),
        secure=_is_secure(site),
        httponly=True,
        # "Strict" would hide the cookie from a link that is opened in webmail. No GET changes anything.
        samesite="Lax",
    )


def forget(site: Site, response: Response) -> None:
    """Take the key from the browser."""
    response.delete_cookie(
        _cookie_name(site), path=_path(site), secure=_is_secure(site), httponly=True, samesite="Lax"
    )


def form_code(site: Site) -> str:
    """Return the code that every form of the person's page carries. No other site can know it."""
    key = request.cookies.get(_cookie_name(site), "")
    return hashlib.sha256(f"form {key}".encode()).hexdigest()[:32]


def require_own_form(site: Site) -> None:
    """Abort the request unless it is a form from a page that this browser got from us."""
    require_form()
    if not site.can_post():
        abort(429)
    if not hmac.compare_digest(request.form.get("code", "").encode(), form_code(site).encode()):
        abort(400)


def refuse_other_sites() -> None:
    """Abort a form that another site sends, if the browser says so (Fetch Metadata)."""
    # Somebody could otherwise sign a visitor in under a name of their own, and read what they then type.
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(400)


def _cookie_name(site: Site) -> str:
    # A browser accepts this prefix only over HTTPS and for the whole host, so no neighbour can set it
    # (draft RFC 6265bis, 4.1.3).
    return "__Host-sign-in" if _is_secure(site) and _path(site) == "/" else "sign-in"


def _path(site: Site) -> str:
    return (urlsplit(site.system.config.procedure.web.base_url).path.rstrip("/")) + "/"


def _is_secure(site: Site) -> bool:
    return site.system.config.procedure.web.base_url.startswith("https:")
