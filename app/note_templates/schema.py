"""The validation of a template of notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from app.language import say
from app.releases.schema import Notes
from app.schemas import Line, Schema, refuse, validate

LABELS = {"name": say("Name"), "notes": say("Notes")}


def _check_text(value: str) -> str:
    if not value.strip():
        raise refuse("required", say("must hold some text."))
    return value


class NoteTemplateSchema(Schema):
    """The members of a template: what it is called among those of its product, and notes by the rules of a release."""

    name: Line
    notes: Annotated[Notes, AfterValidator(_check_text)]


def parse_note_template(raw: Mapping[str, Any]) -> NoteTemplateSchema:
    """Takes the members that were sent; gives the template's. Raises ValidationError with every broken rule."""
    return validate(NoteTemplateSchema, raw, LABELS)
