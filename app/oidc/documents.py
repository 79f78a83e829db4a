"""Fetches what an OpenID provider publishes: what it says of itself, and its keys."""

from __future__ import annotations

from typing import Any

from app.json_body import parse_json_object
from app.oidc.schema import ProviderError
from app.oidc.transport import DEADLINE_SECONDS, ProviderSession

__all__ = ["DEADLINE_SECONDS", "fetch"]


def fetch(url: str, until: float) -> dict[str, Any]:
    """Takes an address that the operator has named, or that a provider of theirs has, and a moment of ``monotonic``.

    Gives the JSON object there. Raises ProviderError for another status, OSError if no whole answer comes in time, and
    MalformedBodyError if it is no such object.
    """
    with ProviderSession(until=until) as session:
        session.headers["User-Agent"] = "Slipway"
        answer = session.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    if answer.status_code != 200:
        raise ProviderError(f"it answers {url[:200]} with the status {answer.status_code}")
    return parse_json_object(answer.content)
