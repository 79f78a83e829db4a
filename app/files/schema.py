"""The validation of a file of a release, behind both doors. Pure: it looks only at what was sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from app.exceptions import ValidationError
from app.language import say
from app.schemas import Line, Schema, check_line, check_range, describe_unknown, refuse, validate
from app.webhooks import guard

NAME_MINIMUM: Final = 3
NAME_LIMIT: Final = 256
URL_LIMIT: Final = 2048
# What every JSON reader keeps exactly (RFC 8259, section 6), and far more than there is to send.
SIZE_LIMIT: Final = 2**53

LABELS = {
    "name": say("Name"),
    "url": say("URL"),
    "size": say("Size"),
    "checksum": say("Checksum"),
    "secured": say("Secured"),
    "releaseId": say("Release"),
}
ALLOWED_SIGNS: Final = "letters from A to Z, digits, and the signs ( ) [ ] _ . -"
# Others of this API family say with it that the file is not theirs to keep, which is so of every file that comes here.
_SAYS_NOTHING = "external"

_NAME = re.compile(r"[()\[\]a-zA-Z0-9_.-]+\Z")
# Windows opens a device instead of a file of one of these names, whatever its extension.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE)
_CHECKSUM = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{64})\Z")
# RFC 3986, section 3.5.
_FRAGMENT = re.compile(r"(?:[!$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2})*\Z")


def check_name(value: str) -> str:
    """Takes what is meant as a file's name; gives it. Raises the exception of ``refuse``.

    The rule is the contract's, less what some system takes for a folder, a hidden file or a device.
    """
    if not value:
        raise refuse("required", say("is required."))
    if len(value) > NAME_LIMIT:
        raise refuse(
            "too_long", say("must have at most {limit} characters; it has {count}.", limit=NAME_LIMIT, count=len(value))
        )
    if not _NAME.match(value):
        raise refuse(
            "invalid_character",
            say("must hold nothing but the letters A to Z, digits, and the signs ( ) [ ] _ . and -."),
        )
    if len(value) < NAME_MINIMUM:
        raise refuse(
            "too_short",
            say("must have at least {minimum} characters; it has {count}.", minimum=NAME_MINIMUM, count=len(value)),
        )
    if value.startswith(".") or value.endswith("."):
        raise refuse("invalid_name", say("must not begin or end with a dot."))
    if _DEVICE.match(value):
        raise refuse("invalid_name", say("must not be one that Windows keeps for a device."))
    return value


def _check_url(value: str) -> str:
    address, _, fragment = value.partition("#")
    try:
        # It is shown as a link and never fetched, so where it leads is not asked. How it is spelled is: what two
        # programs read differently shows one host and leads to another.
        guard.parse_webhook_url(address)
    except guard.GuardError as error:
        raise refuse(error.code, error.message) from None
    if not _FRAGMENT.match(fragment):
        raise refuse("bad_url", say("must have a fragment in which all is encoded that must be."))
    return value


def _check_checksum(value: str) -> str:
    if not value:
        raise refuse("required", say("is required."))
    if not _CHECKSUM.match(value):
        raise refuse("invalid_checksum", say("must be an MD5 (32) or a SHA-256 (64 hexadecimal digits)."))
    return value


class NameSchema(Schema):
    """What is known of a file before it comes."""

    name: Annotated[str, AfterValidator(check_name)]


class FileSchema(Schema):
    """The members of ``POST /v3/release-files``."""

    name: Annotated[str, AfterValidator(check_name)]
    url: Annotated[str, AfterValidator(check_line(URL_LIMIT)), AfterValidator(_check_url)]
    size: Annotated[int, AfterValidator(check_range(0, SIZE_LIMIT, say(" bytes")))]
    checksum: Annotated[str, AfterValidator(_check_checksum)]
    secured: bool = False
    releaseId: Line  # noqa: N815 - the wire's name


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A file that is valid as far as one can tell from what was sent. ``size`` counts bytes."""

    name: str
    url: str
    size: int
    checksum: str
    secured: bool
    release_id: str
    ignored_fields: tuple[str, ...] = field(default=(), compare=False)

    def to_json(self) -> dict[str, Any]:
        """Gives the members as they would be stored, in the wire's names."""
        return {
            "name": self.name,
            "url": self.url,
            "size": self.size,
            "checksum": self.checksum,
            "secured": self.secured,
            "releaseId": self.release_id,
        }


def parse_file(raw: Mapping[str, Any], *, is_strict: bool = False) -> FileDraft:
    """Takes the members that were sent; gives a draft.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    given = {name: value for name, value in raw.items() if name in LABELS}
    ignored = [
        name for name, value in raw.items() if name not in LABELS and name != _SAYS_NOTHING and value is not None
    ]
    errors = [describe_unknown(name) for name in ignored] if is_strict else []
    try:
        sent = validate(FileSchema, given, LABELS)
    except ValidationError as error:
        raise ValidationError([*error.errors, *errors]) from None
    if errors:
        raise ValidationError(errors)
    return FileDraft(sent.name, sent.url, sent.size, sent.checksum, sent.secured, sent.releaseId, tuple(ignored))


def parse_name(name: str) -> str:
    """Takes what an uploaded file is to be called; gives it. Raises ValidationError."""
    return validate(NameSchema, {"name": name}, LABELS).name


def suggest_name(text: str) -> str:
    """Takes what a file is called on somebody's machine; gives what comes nearest to it by the rule, as far as it does.

    A blank becomes a hyphen, an accent goes, and what is left over of other signs becomes an underscore.
    """
    base = re.split(r"[/\\\\]", text)[-1]
    plain = unicodedata.normalize("NFKD", base)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^()\[\]a-zA-Z0-9_.-]+", "_", re.sub(r"\s+", "-", plain.strip()))[-NAME_LIMIT:]


def is_name(text: str) -> bool:
    """Whether a file can be called so."""
    try:
        parse_name(text)
    except ValidationError:
        return False
    return True


def find_key(name: str) -> str:
    """Gives a valid name as it is compared: without case."""
    return name.lower()
