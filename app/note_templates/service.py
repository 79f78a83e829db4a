"""What can be done with templates of notes. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.language import say
from app.note_templates import queries
from app.note_templates.models import NoteTemplate
from app.note_templates.schema import NoteTemplateSchema
from app.products import queries as products

# More than anybody finds something in; a form shows them all.
TEMPLATE_LIMIT = 50


def create_template(actor: Actor, product_id: str, sent: NoteTemplateSchema) -> NoteTemplate:
    """Commits a template of a product. Whoever sends the same twice gets the first one back.

    Raises ValidationError if another one has the name or there are too many, NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    products.get_product(actor.tenant_id, product_id)
    moment = times.now()
    try:
        with transaction() as session:
            template = _lock_name(session, actor, product_id, sent.name)
            if template is None:
                _check_count(session, actor, product_id)
                template = NoteTemplate(
                    id=generate_id(),
                    tenant_id=actor.tenant_id,
                    product_id=product_id,
                    name=sent.name,
                    notes=sent.notes,
                    created_at=moment,
                    updated_at=moment,
                )
                session.add(template)
                session.flush()
                _record(session, actor, "created", template)
            elif template.notes != sent.notes:
                raise _build_taken()
            session.expunge(template)
    except IntegrityError:
        # Its product has gone at this very moment.
        raise NotFoundError("There is no such product.") from None
    return template


def update_template(
    actor: Actor, product_id: str, template_id: str, sent: NoteTemplateSchema, seen_at: str | None = None
) -> NoteTemplate:
    """Commits other words for a template. ``seen_at`` is when it was changed last, as far as the caller has seen.

    Raises ConflictError if it was changed since then, ValidationError if another one has the name, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("product:write")
    with transaction() as session:
        namesake = _lock_name(session, actor, product_id, sent.name)
        template = queries.get_template(actor.tenant_id, product_id, template_id)
        if namesake is not None and namesake.id != template.id:
            raise _build_taken()
        if (template.name, template.notes) != (sent.name, sent.notes):
            if seen_at and seen_at != times.format_time(template.updated_at):
                raise ConflictError(
                    say("Somebody else has changed this template meanwhile. Save again to put yours in its place.")
                )
            template.name, template.notes, template.updated_at = sent.name, sent.notes, times.now()
            session.flush()
            _record(session, actor, "updated", template)
        session.expunge(template)
    return template


def delete_template(actor: Actor, product_id: str, template_id: str) -> NoteTemplate:
    """Commits that a template is gone; gives it as it was. Raises NotFoundError, PermissionDeniedError."""
    actor.require("product:write")
    with transaction() as session:
        template = queries.get_template(actor.tenant_id, product_id, template_id)
        session.delete(template)
        session.flush()
        _record(session, actor, "deleted", template)
    return template


def _lock_name(session: Session, actor: Actor, product_id: str, name: str) -> NoteTemplate | None:
    """Waits until nobody else changes the templates of the product; gives the one that has the name, if one has."""
    lock_name(session, f"note-templates:{product_id}")
    return session.scalar(
        select(NoteTemplate).where(
            NoteTemplate.tenant_id == actor.tenant_id,
            NoteTemplate.product_id == product_id,
            NoteTemplate.name == name,
        )
    )


def _check_count(session: Session, actor: Actor, product_id: str) -> None:
    own = (NoteTemplate.tenant_id == actor.tenant_id, NoteTemplate.product_id == product_id)
    if (session.scalar(select(func.count()).select_from(NoteTemplate).where(*own)) or 0) >= TEMPLATE_LIMIT:
        message = say("A product has at most {limit} templates. Delete one first.", limit=TEMPLATE_LIMIT)
        raise ValidationError([FieldError("", "too_many", message)])


def _build_taken() -> ValidationError:
    message = say("Name is taken: another template of this product has it.")
    return ValidationError([FieldError("name", "taken", message)])


def _record(session: Session, actor: Actor, step: str, template: NoteTemplate) -> None:
    details = {"name": template.name, "productId": template.product_id}
    audit.record(session, actor, f"note_template.{step}", template.id, details)
