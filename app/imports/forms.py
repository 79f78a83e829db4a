"""The form of an import: from what a browser sends to the options that the schema reads, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from app.imports.schema import AUTO, ERROR
from app.releases.schema import DEFAULT_CHANNEL

_TEXTS: Final = (
    "productId", "format", "fileName", "channel", "platforms", "prereleases", "longNotes", "tagPrefix", "content",
    "signInEmail",
)  # fmt: skip
_BOXES: Final = ("oneProduct", "private")
# What the two questions of the form answer.
PUBLISHED, DRAFTS = "published", "drafts"
TOLD, QUIET = "told", "quiet"
_PLATFORM_ENDS = re.compile(r"[,\n]")


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again."""
    values: dict[str, Any] = {name: form.get(name, "") for name in _TEXTS}
    values |= {name: bool(form.get(name)) for name in _BOXES}
    return values | {"state": form.get("state", PUBLISHED), "webhooks": form.get("webhooks", TOLD)}


def build_new_values(product_id: str) -> dict[str, Any]:
    """Gives the values of a form that nobody has touched: what is history was published, and is told as such."""
    return read_values(MultiDict()) | {
        "productId": product_id,
        "format": AUTO,
        "channel": DEFAULT_CHANNEL,
        "prereleases": ERROR,
        "longNotes": ERROR,
    }


def build_stored_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the options of an import; gives the values of the form that changes them."""
    return build_new_values(options["productId"] or "") | {
        **{name: options[name] for name in ("format", "fileName", "channel", "prereleases", "longNotes", "tagPrefix")},
        **{name: options[name] for name in _BOXES},
        "platforms": ", ".join(options["platforms"]),
        "state": PUBLISHED if options["publish"] else DRAFTS,
        "webhooks": QUIET if options["quiet"] else TOLD,
    }


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives the options of the API that they stand for."""
    platforms = [part.strip() for part in _PLATFORM_ENDS.split(values["platforms"])]
    return {
        "productId": values["productId"] or None,
        "oneProduct": values["oneProduct"],
        "format": values["format"] or None,
        "fileName": values["fileName"],
        "channel": values["channel"] or None,
        "platforms": [platform for platform in platforms if platform],
        "private": values["private"],
        "publish": values["state"] == PUBLISHED,
        "quiet": values["webhooks"] == QUIET,
        "prereleases": values["prereleases"] or None,
        "longNotes": values["longNotes"] or None,
        "tagPrefix": values["tagPrefix"],
    }
