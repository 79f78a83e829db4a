"""Slipway, the release portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: Mapping[str, str] | None = None) -> Flask:
    """Gives an application. ``overrides`` are environment variables that win over the real ones.

    Raises ConfigError, one line that names the variable, if a setting is missing or nonsense.
    """
    # Imported here, so that whoever imports one pure module of this package does not import all of them.
    from app.wiring import build_app  # noqa: PLC0415

    return build_app(overrides)
