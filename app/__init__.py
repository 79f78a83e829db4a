"""Slipway, the release portal."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: Mapping[str, str] | None = None) -> Flask:
    """Gives an application. ``overrides`` are environment variables that win over the real ones.

    Raises ConfigError, one line that names the variable, if a setting is missing or nonsense.
    """
    return _load_builder()(overrides)


def _load_builder() -> Callable[[Mapping[str, str] | None], Flask]:
    is_first, collects = "app.wiring" not in sys.modules, gc.isenabled()
    # What is loaded stays for good: to look through it for garbage while it grows takes a sixth of a start.
    gc.disable()
    try:
        # Imported here, so that whoever imports one pure module of this package does not import all of them.
        from app.wiring import build_app  # noqa: PLC0415
    finally:
        if collects:
            # Nor is it looked through later; and what is forked from here shares it for longer.
            if is_first:
                gc.freeze()
            gc.enable()
    return build_app
