"""Notes: Markdown that people type, and the one HTML that every reader sees. Pure: no Flask, no database."""

from app.notes.excess import find_excess
from app.notes.renderer import RENDERER_VERSION, normalize, render

__all__ = ["RENDERER_VERSION", "find_excess", "normalize", "render"]
