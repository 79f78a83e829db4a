"""The values of a webhook's members, each with its rules and with its JSON Schema. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema

from app.language import say
from app.schemas import check_line, check_range, refuse, refuse_all
from app.webhooks import headers, signing
from app.webhooks.events import ALL_EVENT_TYPES

URL_LIMIT: Final = 2048
CONCURRENCY_LIMIT: Final = 64
RATE_LIMIT: Final = 1000
DEFAULT_CONCURRENCY: Final = 8
OVERLAP_LIMIT_HOURS: Final = 168
DEFAULT_OVERLAP_HOURS: Final = 24

NO_TOKEN = ("not_allowed", say("must not be given: a key pair is made for the asymmetric scheme."))
_TOKEN = re.compile(r"[!-~]{24,256}\Z")


def _check_events(value: list[str]) -> list[str]:
    unknown = [name for name in value if name not in ALL_EVENT_TYPES]
    if unknown:
        raise refuse("unknown_event", say("must be among {names}.", names=", ".join(ALL_EVENT_TYPES)))
    if not value:
        raise refuse("required", say("must name at least one event."))
    return sorted(set(value))


def _check_scheme(value: str) -> str:
    if value not in signing.SCHEMES:
        raise refuse("unknown_scheme", say("must be among {names}.", names=", ".join(signing.SCHEMES)))
    return value


def _check_token(value: str) -> str:
    if rule := find_spelling_rule(value):
        raise refuse("invalid_token", rule)
    return value


def find_spelling_rule(token: str) -> str | None:
    """Gives why a token can be none of any scheme, as the end of a sentence, or None."""
    if not _TOKEN.match(token):
        return say("must have 24 to 256 visible ASCII characters, and no spaces.")
    if token.startswith(signing.SECRET_PREFIX) and not signing.is_shared_secret(token):
        return say("must have base64 of 24 to 64 bytes after whsec_.")
    return None


def find_token_rule(scheme: str, token: str) -> tuple[str, str] | None:
    """Takes a scheme and a token that somebody chose; gives None, or why the two do not fit, as ``refuse`` takes it."""
    if scheme == signing.ASYMMETRIC:
        return NO_TOKEN
    if scheme == signing.STANDARD and not signing.can_sign(scheme, token):
        return "wrong_spelling", say(
            "must begin with whsec_ for the standard scheme: its libraries read no other secrets."
        )
    if not signing.can_sign(scheme, token):
        return "not_allowed", say("must not be one half of a key pair.")
    return None


def _check_headers(value: Any, *, may_keep: bool) -> dict[str, str]:
    if errors := headers.find_errors(value, may_keep=may_keep):
        raise refuse_all(errors)
    return dict(value)


def check_new_headers(value: Any) -> dict[str, str]:
    """Takes the own headers of a new webhook; gives them. Raises the exception of ``refuse_all``."""
    return _check_headers(value, may_keep=False)


def check_changed_headers(value: Any) -> dict[str, str]:
    """Takes own headers, of which the mask keeps a stored one; gives them. Raises the exception of ``refuse_all``."""
    return _check_headers(value, may_keep=True)


Url = Annotated[
    str,
    AfterValidator(check_line(URL_LIMIT)),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": URL_LIMIT}),
]
Events = Annotated[
    list[str],
    AfterValidator(_check_events),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(ALL_EVENT_TYPES)}}),
]
Scheme = Annotated[
    str, AfterValidator(_check_scheme), WithJsonSchema({"type": "string", "enum": sorted(signing.SCHEMES)})
]
Token = Annotated[
    str, AfterValidator(_check_token), WithJsonSchema({"type": "string", "minLength": 24, "maxLength": 256})
]
Concurrency = Annotated[
    int,
    AfterValidator(check_range(1, CONCURRENCY_LIMIT)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": CONCURRENCY_LIMIT}),
]
# ``null`` says that nothing is to be changed, so nought says that there is to be no limit.
Rate = Annotated[
    int,
    AfterValidator(check_range(0, RATE_LIMIT, say(", 0 being no limit"))),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": RATE_LIMIT}),
]
Overlap = Annotated[
    int,
    AfterValidator(check_range(0, OVERLAP_LIMIT_HOURS, say(" hours"))),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": OVERLAP_LIMIT_HOURS}),
]
