"""Entity tags (RFC 9110, section 8.8.3) of what the API answers, and what callers say by them. Pure.

A tag is made of what GET answers, so it changes exactly when that does. How often a file was downloaded, how many
releases a product has, and when a token or a key was last used, stands behind a dot in it: a client that keeps a copy
learns of that, and one that changes something is not refused because of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app import times
from app.exceptions import InvalidRequestError, PreconditionFailedError
from app.language import say

GZIP_SUFFIX: Final = "-gzip"
_USED: Final = "lastUsedAt"
_COUNTED: Final = frozenset({"downloads", "totalReleases", _USED})
_LENGTH: Final = 32
_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Possessive: however long a header is, no character of it is looked at twice.
_TAG_LIST: Final = re.compile(rf"[ \t,]*+{_TAG}(?:[ \t]*+(?:,[ \t]*+)++{_TAG})*+[ \t,]*+\Z")
_CHANGED: Final = say("This was changed after you have read it. Read it again, and decide with what is stored now.")
_EXISTS: Final = say("This exists, and you asked for it to be done only if it does not.")


@dataclass(frozen=True, slots=True)
class TagList:
    """What stands in ``If-Match`` or ``If-None-Match``: any number of tags, or ``*``, which is whatever there is."""

    tags: tuple[str, ...] = ()
    is_any: bool = False

    def names(self, tag: str) -> bool:
        """Whether a tag is among them, by the weak comparison (section 8.8.3.2)."""
        return self.is_any or _find_opaque(tag) in {_find_opaque(it) for it in self.tags}

    def names_state(self, tag: str) -> bool:
        """Whether a tag of the same state is among them, by the strong comparison: a weak tag says too little."""
        strong = {_find_state(it) for it in self.tags if not it.startswith("W/")}
        return self.is_any or (not tag.startswith("W/") and _find_state(tag) in strong)


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be true of what is stored for a change of it to be made, as the caller has said it."""

    match: TagList | None = None
    none_match: TagList | None = None

    def is_met(self, tag: str) -> bool:
        """Takes the tag of what is stored; gives whether the change may be made (section 13.2.2)."""
        if self.match is not None:
            return self.match.names_state(tag)
        return self.none_match is None or not self.none_match.names(tag)

    def check(self, tag: str) -> None:
        """Takes the tag of what is stored. Raises PreconditionFailedError unless the change may be made."""
        if not self.is_met(tag):
            raise PreconditionFailedError(_CHANGED if self.match is not None else _EXISTS)


# Of a caller that has said nothing.
NONE: Final = Precondition()


def parse_precondition(match: str | None, none_match: str | None) -> Precondition:
    """Takes the two headers, None for one that was not sent. Raises InvalidRequestError for one that is no such list.

    One that cannot be read must not be passed over: whoever sends it does not want to overwrite what others have done.
    """
    return Precondition(_parse("If-Match", match), _parse("If-None-Match", none_match))


def _parse(name: str, value: str | None) -> TagList | None:
    if value is None:
        return None
    if value.strip() == "*":
        return TagList(is_any=True)
    if not _TAG_LIST.match(value):
        raise InvalidRequestError(f'{name} must be * or a list of entity tags, such as "abc".')
    return TagList(tuple(re.findall(_TAG, value)))


def build_tag(body: Mapping[str, Any]) -> str:
    """Takes what GET answers; gives its strong tag, with the quotation marks."""
    said = json.dumps(body, separators=(",", ":"))
    # In a text the quotation marks would be escaped.
    if not any(f'"{name}":' in said for name in _COUNTED):
        return _format(said.encode(), 0)
    count = 0

    def leave_out(value: Any) -> Any:
        nonlocal count
        if isinstance(value, list):
            return [leave_out(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        counts = {name: _measure(name, value[name]) for name in _COUNTED & value.keys()}
        counted = {name: number for name, number in counts.items() if number is not None}
        count += sum(counted.values())
        return {name: leave_out(member) for name, member in value.items() if name not in counted}

    return _format(json.dumps(leave_out(body), separators=(",", ":")).encode(), count)


def _measure(name: str, value: Any) -> int | None:
    """Gives the number that a member stands for, None if it only has the name of one, as a header may."""
    if name != _USED:
        return value if isinstance(value, int) else None
    moment = times.parse_time(value) if isinstance(value, str) else None
    return 0 if value is None else int(moment.timestamp()) if moment else None


def build_text_tag(text: str) -> str:
    """Takes the text of an answer as it is sent, for what nobody changes as a whole: gives its strong tag."""
    return _format(text.encode("utf-8", "surrogatepass"), 0)


def _format(said: bytes, count: int) -> str:
    digest = hashlib.sha256(said).hexdigest()[:_LENGTH]
    return f'"{digest}.{count}"' if count else f'"{digest}"'


def _find_opaque(tag: str) -> str:
    """Gives what stands between the quotation marks; what is sent compressed is the same, said shorter."""
    return tag.removeprefix("W/")[1:-1].removesuffix(GZIP_SUFFIX)


def _find_state(tag: str) -> str:
    return _find_opaque(tag).partition(".")[0]
