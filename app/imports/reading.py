"""From an entry of a file to a release that can be created, by the same schema as both doors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from app import times
from app.exceptions import FieldError, ValidationError
from app.imports import tags
from app.imports.dates import Date, parse_date
from app.imports.formats.entries import Entry, quote
from app.imports.schema import CUT, ERROR, SKIP, ImportOptions
from app.imports.shortening import cut_notes
from app.language import say
from app.releases.schema import NAME_LIMIT, NOTES_LIMIT, ReleaseDraft, parse_release
from app.releases.versions import find_version_error

_TAG_LIMIT: Final = 512
_UNRELEASED: Final = "unreleased"


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product that rows can go to."""

    id: str
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The products that the actor may act for, by id and by name."""

    by_id: Mapping[str, KnownProduct]
    by_name: Mapping[str, KnownProduct]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is made of an entry. Without a draft it has errors, or it ``is_skipped``; ``raw`` is as far as it came."""

    line: int
    raw: Mapping[str, Any]
    draft: ReleaseDraft | None
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]
    publishes: bool = False
    is_day: bool = False
    is_skipped: bool = False


class _SkipError(Exception):
    """An entry is to be left out; holds the reason."""

    def __init__(self, code: str, message: str, field: str = "version") -> None:
        super().__init__(message)
        self.reason = FieldError(field, code, message)


def read_entry(entry: Entry, options: ImportOptions, catalog: Catalog, now: datetime) -> Reading:
    """Takes an entry, how the file is to be read, the products that there are, and the time; gives what is made of it.

    Whether the place is free is for the database to tell.
    """
    reader = _Reader(entry, options, catalog)
    return reader.read(now)


class _Reader:
    """Reads one entry, and gathers what is wrong with it and what its owner may not expect."""

    def __init__(self, entry: Entry, options: ImportOptions, catalog: Catalog) -> None:
        self._entry = entry
        self._members = entry.members
        self._options = options
        self._catalog = catalog
        self._errors = list(entry.errors)
        self._warnings = list(entry.warnings)

    def read(self, now: datetime) -> Reading:
        written = self._members.get("version")
        raw: dict[str, Any] = {"version": written, "name": self._members.get("name")}
        try:
            if not self._members and self._errors:
                return self._give(raw, None)
            raw["channel"] = self._members.get("channel")
            raw["version"] = self._read_version(written, raw)
            raw["productId"] = self._find_product()
            raw["name"] = raw["name"] or self._build_name(raw)
            raw["channel"] = raw["channel"] or self._options.channel
            raw["platforms"] = self._members.get("platforms", list(self._options.platforms))
            raw["private"] = self._members.get("private", self._options.private)
            raw["notes"] = self._read_notes()
            date = self._read_date(raw)
        except _SkipError as skip:
            return replace(self._give(raw, None), warnings=(*self._warnings, skip.reason), errors=(), is_skipped=True)
        draft = self._parse(raw, now)
        return replace(self._give(raw, draft), is_day=date is not None and date.is_day, publishes=self._is_published())

    def _give(self, raw: Mapping[str, Any], draft: ReleaseDraft | None) -> Reading:
        kept = draft if not self._errors else None
        return Reading(self._entry.line, raw, kept, tuple(self._errors), tuple(self._warnings))

    def _refuse(self, field: str, code: str, message: str) -> None:
        self._errors.append(FieldError(field, code, message))

    def _warn(self, field: str, code: str, message: str) -> None:
        self._warnings.append(FieldError(field, code, message))

    def _parse(self, raw: Mapping[str, Any], now: datetime) -> ReleaseDraft | None:
        judged = {error.field for error in self._errors}
        try:
            draft = parse_release({name: value for name, value in raw.items() if name not in judged}, now)
        except ValidationError as error:
            # What is wrong already is not wrong once more, because it is missing now.
            self._errors += [one for one in error.errors if one.field not in judged]
            return None
        self._warnings += [FieldError("platforms", "named_twice", message) for message in draft.warnings]
        return draft

    def _read_version(self, written: Any, raw: dict[str, Any]) -> Any:
        if any(warning.code == _UNRELEASED for warning in self._warnings):
            self._warnings = [warning for warning in self._warnings if warning.code != _UNRELEASED]
            raise _SkipError(_UNRELEASED, say("This is not released yet."))
        if not isinstance(written, str):
            return written
        prefix = self._options.tag_prefix
        if not written.startswith(prefix):
            raise _SkipError("other_prefix", say('It does not begin with "{prefix}".', prefix=prefix))
        text = written.removeprefix(prefix).strip()
        tag = tags.read_tag(text) if len(text) <= _TAG_LIMIT else None
        is_flagged = self._members.get("prerelease") is True
        if tag is None or (find_version_error(tag.text) and not tag.is_prerelease):
            # As it was written: the schema's rule is about that.
            return text
        version = self._place(tag, raw) if tag.is_prerelease or is_flagged else tag.text
        # Every tag of many files begins with a v: that is nothing to be told of in each row.
        if version not in (written, written.removeprefix("v")) and not self._errors:
            self._warn("version", "read_as", say('In the file it is "{text}".', text=quote(written)))
        return version

    def _place(self, tag: tags.Tag, raw: dict[str, Any]) -> str:
        """Gives the version of a prerelease, and puts it onto its channel if the file names none."""
        if self._options.prereleases == SKIP:
            raise _SkipError("prerelease", say("Prereleases are left out."))
        if self._options.prereleases == ERROR:
            rule = say(
                "Version is a prerelease. Choose whether prereleases go to a channel of their own or are left out."
            )
            self._refuse("version", "prerelease", rule)
            return tag.text
        version = tags.place_prerelease(tag) if tag.is_prerelease else tag.numbers
        if version is None:
            rule = say("Version has four numbers already: there is no place for the number of the prerelease.")
            self._refuse("version", "prerelease", rule)
            return tag.text
        if not raw["channel"]:
            raw["channel"] = tag.word or tags.PRERELEASE_CHANNEL
            self._warn(
                "channel", "prerelease", say("A prerelease: it goes to the channel {channel}.", channel=raw["channel"])
            )
        return version

    def _find_product(self) -> Any:
        if self._options.is_one_product:
            return self._options.product_id
        product_id, name = self._members.get("productId"), self._members.get("product")
        if product_id is not None:
            if not isinstance(product_id, str) or product_id in self._catalog.by_id:
                return product_id
            self._refuse(
                "productId", "unknown_product", say("Product does not exist: there is no product with this id.")
            )
            return None
        if name is None:
            return self._options.product_id
        if isinstance(name, str) and (product := self._catalog.by_name.get(name)):
            return product.id
        shown = quote(name) if isinstance(name, str) else ""
        self._refuse(
            "productId", "unknown_product", say('Product does not exist: none is called "{name}".', name=shown)
        )
        return None

    def _build_name(self, raw: Mapping[str, Any]) -> str:
        """Gives the name of a release that has none: as the client calls one, by its product and its version."""
        version = raw["version"] if isinstance(raw["version"], str) else ""
        product = self._catalog.by_id.get(raw["productId"]) if isinstance(raw["productId"], str) else None
        # What is wrong with the version is not wrong with a name once more.
        return f"{product.display_name} {version}"[-NAME_LIMIT:].strip() if product else version or "-"

    def _read_notes(self) -> Any:
        text = self._members.get("notes")
        if not isinstance(text, str) or self._options.long_notes != CUT:
            return text
        url = self._members.get("url")
        cut = cut_notes(text, url if isinstance(url, str) else "")
        if (before := len(text.replace("\r\n", "\n"))) > NOTES_LIMIT:
            self._warn("notes", "cut", say("The notes have {count} characters, and are shortened.", count=before))
        return cut

    def _read_date(self, raw: dict[str, Any]) -> Date | None:
        written = self._members.get("date")
        if written is None:
            self._warn("createdAt", "no_date", say("There is no date: it is created as of now."))
            return None
        date = parse_date(written) if isinstance(written, str) else None
        if date is not None:
            raw["createdAt"] = times.format_time(date.moment)
            return date
        rule = say("Created at must be a date such as 2019-08-24 or 2019-08-24T14:15:22Z.")
        self._refuse("createdAt", "invalid_time", rule)
        return None

    def _is_published(self) -> bool:
        is_draft = self._members.get("draft") is True or self._members.get("published") is False
        return self._options.publishes and not is_draft
