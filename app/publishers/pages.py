"""What the pages of trusted publishing show: from rows to what a template needs, and from a form to what the schema
reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from flask import current_app, render_template
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app.accounts.sessions import is_sign_in_needed
from app.answers import build_url
from app.exceptions import FieldError
from app.forms import FormState
from app.language import say
from app.paging import Place
from app.products import queries as products
from app.publishers import kinds, queries
from app.publishers.claim_lines import parse_claim_lines
from app.publishers.models import TrustedPublisher
from app.publishers.schema import DEFAULT_CONFIG_PATH, list_issuers
from app.publishers.service import PUBLISHER_LIMIT
from app.publishers.snippets import build_snippet, name_file

KIND_WORDS: Final = {
    kinds.GITHUB: say("GitHub Actions"),
    kinds.GITLAB: say("GitLab CI/CD"),
    kinds.OTHER: say("Another issuer"),
}
_TEXT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    kinds.GITHUB: ("repository", "workflow", "environment", "ownerId"),
    kinds.GITLAB: ("projectPath", "configPath", "ref", "environment", "ownerId"),
    kinds.OTHER: ("claims",),
}
_ALWAYS: Final = ("issuer", "signInEmail")


def read_kind(arguments: Mapping[str, str]) -> str:
    """Takes the URL's arguments, or a form; gives the kind that is asked for."""
    kind = arguments.get("kind", "")
    return kind if kind in kinds.KINDS else kinds.GITHUB


def build_new_values(kind: str) -> dict[str, Any]:
    """Gives the values of a form that nobody has touched."""
    values: dict[str, Any] = {
        "kind": kind,
        "protectedOnly": False,
        **dict.fromkeys((*_TEXT_FIELDS[kind], *_ALWAYS), ""),
    }
    return values | ({"configPath": DEFAULT_CONFIG_PATH} if kind == kinds.GITLAB else {})


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again."""
    kind = read_kind(form)
    texts = {name: form.get(name, "") for name in (*_TEXT_FIELDS[kind], *_ALWAYS)}
    return {"kind": kind, "protectedOnly": form.get("protectedOnly") == "true", **texts}


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes what was typed; gives the members as the API has them.

    What stands around a text by mistake is no part of it. Raises ValidationError if claims are not spelled as such.
    """
    raw: dict[str, Any] = {name: values[name].strip() for name in (*_TEXT_FIELDS[values["kind"]], "issuer")}
    # Where there is one issuer, the form asks for none.
    raw["issuer"] = raw["issuer"] or next(iter(list_choices(values["kind"])), None)
    raw["kind"] = values["kind"]
    if values["kind"] == kinds.GITLAB:
        raw["protectedOnly"] = values["protectedOnly"]
    if values["kind"] == kinds.OTHER:
        raw["claims"] = parse_claim_lines(values["claims"]) or None
    return raw


def list_choices(kind: str) -> list[str]:
    """Gives the issuers that a publisher of this kind can have."""
    return list_issuers(kind, current_app.extensions["slipway"].issuers.names)


def render_list(product_id: str) -> str:
    """Gives the page of whom a product trusts. Raises NotFoundError."""
    actor = current_user.actor
    product = products.get_product(actor.tenant_id, product_id)
    found = queries.list_publishers(actor.tenant_id, product_id, Place(limit=PUBLISHER_LIMIT))
    live = queries.count_live_tokens(actor.tenant_id, [publisher.id for publisher in found])
    return render_template(
        "publishers/list.html",
        product=product,
        publishers=[_build_row(publisher, live.get(publisher.id, 0)) for publisher in found],
        can_write=actor.has_scope("product:write"),
    )


def render_form(product_id: str, values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    """Takes what was typed and what is wrong with it; gives the page of the form."""
    form = FormState.build(values, errors)
    product = None
    # During an outage of the database the page shows what was sent, and no more.
    if current_user.is_authenticated and not form.is_outage:
        product = products.get_product(current_user.tenant_id, product_id)
    return render_template(
        "publishers/form.html",
        form=form,
        product=product,
        product_id=product_id,
        kinds=KIND_WORDS,
        issuers=list_choices(values["kind"]),
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )


def _build_row(publisher: TrustedPublisher, live_count: int) -> SimpleNamespace:
    kind, members = publisher.kind, publisher.members
    title, *rest = kinds.list_parts(kind, members)
    return SimpleNamespace(
        id=publisher.id,
        kind=KIND_WORDS[kind],
        title=title,
        facts=rest,
        is_protected_only=members.get("protectedOnly", False),
        issuer=None if publisher.issuer in (kinds.GITHUB_ISSUER, kinds.GITLAB_ISSUER) else publisher.issuer,
        owner_id=publisher.owner_id,
        created_at=publisher.created_at,
        created_by=publisher.created_by,
        last_used_at=publisher.last_used_at,
        live_count=live_count,
        file=name_file(kind, members),
        snippet=build_snippet(kind, members, publisher.product_id, build_url("")),
    )
