"""What is read of templates of notes. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.exceptions import NotFoundError
from app.extensions import db
from app.language import say
from app.note_templates.models import NoteTemplate
from app.text import is_canonical_id


def list_templates(tenant_id: str, product_id: str) -> Sequence[NoteTemplate]:
    """Gives the templates of a product by name; none for what is no product of the tenant."""
    if not is_canonical_id(product_id):
        return ()
    query = select(NoteTemplate).where(NoteTemplate.tenant_id == tenant_id, NoteTemplate.product_id == product_id)
    return db.session.scalars(query.order_by(NoteTemplate.name, NoteTemplate.id)).all()


def get_template(tenant_id: str, product_id: str, template_id: str) -> NoteTemplate:
    """Gives a template of a product. Raises NotFoundError for an absent one and for another tenant's alike."""
    template = None
    if is_canonical_id(product_id) and is_canonical_id(template_id):
        template = db.session.scalar(
            select(NoteTemplate).where(
                NoteTemplate.tenant_id == tenant_id,
                NoteTemplate.product_id == product_id,
                NoteTemplate.id == template_id,
            )
        )
    if template is None:
        raise NotFoundError(say("There is no such template."))
    return template
