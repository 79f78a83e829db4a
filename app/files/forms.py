"""The form of a file: from what a browser sends to the members that the schema reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TEXT_FIELDS = ("name", "url", "size", "checksum", "signInEmail")
# As many digits as a JSON number may have; what is longer is no number to the schema either.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,64}\Z")


def read_values(form: Mapping[str, str]) -> dict[str, Any]:
    """Takes the form, an empty one for what nobody has touched; gives every value as it was typed."""
    values: dict[str, Any] = {name: form.get(name, "") for name in _TEXT_FIELDS}
    return values | {"secured": bool(form.get("secured", ""))}


def build_raw(values: Mapping[str, Any], release_id: str) -> dict[str, Any]:
    """Takes the form's values; gives the members of the API's body that they stand for."""
    size = values["size"]
    raw = {name: values[name] for name in ("name", "url", "checksum", "secured")}
    # What is no number stays as it is, and the schema says so; a field that was left empty was not given.
    raw["size"] = int(size) if _WHOLE_NUMBER.match(size) else size or None
    return {**raw, "releaseId": release_id}
