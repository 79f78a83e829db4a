"""From notes to HTML: the one function behind preview, page, portal and feed."""

from __future__ import annotations

import html
import logging

from app.notes.entities import replace_unshowable
from app.notes.excess import find_excess
from app.notes.growth import compute_limit
from app.notes.highlighting import highlight_blocks
from app.notes.sanitizer import CHECKBOX_LABELS, sanitize_markup, sanitize_page
from app.notes.tree import CHECKED, UNCHECKED, convert

# Raised whenever the same notes would give other HTML: stored HTML of another version is made anew.
RENDERER_VERSION = 1

_CHECKBOXES = {
    UNCHECKED: f'<input type="checkbox" aria-label="{CHECKBOX_LABELS[0]}" disabled>',
    CHECKED: f'<input type="checkbox" aria-label="{CHECKBOX_LABELS[1]}" checked disabled>',
}
_logger = logging.getLogger(__name__)


def normalize(text: str) -> str:
    """Takes text as it arrived; gives it with LF for every CRLF and lone CR (forms turn LF into CRLF)."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def render(text: str) -> str:
    """Takes notes in Markdown; gives safe HTML. Raises nothing, and gives the same for the same notes.

    Notes that ``find_excess`` refuses are shown as typed.
    """
    text = replace_unshowable(normalize(text))
    try:
        return _render_plain(text) if find_excess(text) else _render_markdown(text)
    except Exception:
        # A defect in a library must not take the whole page of the release with it.
        _logger.exception("Notes of %d characters could not be rendered; they are shown as typed.", len(text))
        return _render_plain(text)


def _render_markdown(text: str) -> str:
    page = sanitize_markup(convert(text))
    for mark, checkbox in _CHECKBOXES.items():
        page = page.replace(mark, checkbox)
    return sanitize_page(highlight_blocks(page, compute_limit(text))).strip()


def _render_plain(text: str) -> str:
    return sanitize_page(f"<pre>{html.escape(text.lstrip(chr(10)), quote=False)}</pre>")
