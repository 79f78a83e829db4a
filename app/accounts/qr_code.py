"""Draws a text as a QR code (ISO/IEC 18004), as SVG that stands in a page."""

from __future__ import annotations

import segno
from markupsafe import Markup

_SCALE = 5


def draw(text: str) -> Markup:
    """Takes a text; gives its picture, dark on light in every theme: not every camera reads the reverse."""
    code = segno.make_qr(text, error="m")
    svg = code.svg_inline(scale=_SCALE, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - of the text it holds nothing but squares
