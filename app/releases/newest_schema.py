"""What asks for the newest release: the parameters of ``latest`` and ``update``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.exceptions import FieldError, ValidationError
from app.language import say
from app.parameters import BadValueError, Parameters, Reader, read_parameters
from app.releases import versions
from app.releases.schema import DEFAULT_CHANNEL, NAME_LIMIT
from app.text import find_line_error, is_canonical_id


@dataclass(frozen=True, slots=True)
class NewestQuery:
    """Whose newest release is asked for, and with what key; ``version`` is what the caller has, empty if not asked."""

    platform: str
    product_id: str
    channel: str = DEFAULT_CHANNEL
    version: str = ""
    key: str | None = None
    # Clients of this API family name their account, too. The product says whose it is.
    account_id: str | None = None
    ignored: tuple[str, ...] = ()


def parse_newest(parameters: Parameters, *, has_version: bool = False) -> NewestQuery:
    """Takes the URL's parameters in order; gives what is asked for. An empty one is as good as none.

    Raises ValidationError with every parameter that breaks a rule.
    """
    readers = {**_READERS, "version": ("version", _read_version)} if has_version else _READERS
    given = [(name, value) for name, value in parameters if value]
    found: dict[str, str] = {}
    errors: list[FieldError] = []
    try:
        found = read_parameters(given, readers)
    except ValidationError as error:
        errors = list(error.errors)
    names = {name for name, _ in given}
    for name in readers:
        if name in _REQUIRED and name not in names:
            errors.append(FieldError(name, "required", say("{label} {rule}", label=name, rule=say("is required."))))
    if errors:
        raise ValidationError(errors)
    return NewestQuery(**found, ignored=tuple(sorted(names - readers.keys())))


def _read_line(value: str) -> str:
    if len(value) > NAME_LIMIT:
        raise BadValueError(
            say("must have at most {limit} characters; it has {count}.", limit=NAME_LIMIT, count=len(value))
        )
    if error := find_line_error(value):
        raise BadValueError(error[1])
    return value


def _read_id(value: str) -> str:
    if not is_canonical_id(value):
        raise BadValueError(say("must be the id of a product."))
    return value


def _read_version(value: str) -> str:
    if error := versions.find_version_error(value):
        # What is said of a version begins with the name of its field.
        raise BadValueError(error[1].partition(" ")[2])
    return value


_READERS: Mapping[str, Reader] = {
    "platform": ("platform", _read_line),
    "productId": ("product_id", _read_id),
    "channel": ("channel", _read_line),
    "key": ("key", str),
    "accountId": ("account_id", str),
}
_REQUIRED = frozenset({"platform", "productId", "version"})
