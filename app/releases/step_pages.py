"""The pages that ask, before a step in a release's life is taken, whether it is meant, and say what comes of it.

Each stands by itself; with a script the page of the release shows its form in a dialog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final

from flask import current_app, render_template, url_for
from flask_login import current_user
from markupsafe import Markup, escape

from app.accounts.sessions import is_sign_in_needed
from app.exceptions import FieldError
from app.forms import FormState
from app.language import gettext as _
from app.language import ngettext, translate
from app.languages import say_html as _html
from app.releases import forms, queries, replacements, step_schema
from app.releases.deletion import KEPT_DAYS
from app.releases.models import Release
from app.webhooks import events
from app.webhooks import queries as webhooks

STEPS: Final = ("publish", "plan", "archive", "delete")
_EVENTS: Final = {
    "publish": events.RELEASE_PUBLISHED,
    "plan": events.RELEASE_PUBLISHED,
    "archive": events.RELEASE_ARCHIVED,
    "delete": events.RELEASE_DELETED,
}
# Where an error of the API's field shows in the form.
_SHOWN_AT: Final = {"publishAt": "publishDate"}
_NAMED_WEBHOOKS = 10


def render_step(
    step: str, release_id: str, values: Mapping[str, Any] | None = None, errors: Iterable[FieldError] = ()
) -> str:
    """Takes a step, one of ``STEPS``, and what was typed, if anything was; gives its page.

    Where the database is away, or nobody is signed in any more, it shows what was typed and no more. Raises
    NotFoundError, PermissionDeniedError.
    """
    shown = [FieldError(_SHOWN_AT.get(it.field, it.field), it.code, translate(it.message)) for it in errors]
    form = FormState.build(values or {}, shown)
    knows = current_user.is_authenticated and not form.is_outage
    release = None
    if knows:
        current_user.actor.require("release:write")
        release = queries.get_release(current_user.tenant_id, release_id)
        form = FormState.build(values if values is not None else _build_values(step, release), shown)
    return render_template(
        "releases/page/step.html",
        step=step,
        form=form,
        release=release,
        release_id=release_id,
        effects=_list_effects(step, release) if release else [],
        replacements=replacements.list_replacements(release) if release and step == "archive" else [],
        zones=forms.ZONES,
        limit=step_schema.REASON_LIMIT,
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )


def read_values(step: str, form: Mapping[str, str]) -> dict[str, str]:
    """Takes the form of a step; gives every value as it was typed."""
    names = {"archive": ("reason", "replacementId"), "plan": ("publishDate", "publishZone")}.get(step, ())
    return {name: form.get(name, "") for name in (*names, "signInEmail")}


def build_raw(step: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Takes the values of a form; gives the members of the API's body that they stand for."""
    if step == "plan":
        return {"publishAt": _build_time(values["publishDate"], values["publishZone"])}
    return {name: values[name] for name in ("reason", "replacementId")}


def _build_time(date: str, zone: str) -> str:
    # Browsers leave out the seconds of a datetime-local if they are zero.
    seconds = ":00" if len(date) == len("2030-08-24T14:15") else ""
    return f"{date}{seconds}{zone or forms.DEFAULT_ZONE}" if date else ""


def _build_values(step: str, release: Release) -> dict[str, str]:
    """Gives the values of a form that nobody has touched."""
    if step == "plan":
        planned = release.publish_at
        date = f"{planned.astimezone(UTC):%Y-%m-%dT%H:%M}" if planned else ""
        return {"publishDate": date, "publishZone": forms.DEFAULT_ZONE}
    return {"reason": "", "replacementId": ""}


def _list_effects(step: str, release: Release) -> list[Markup]:
    """Gives, a sentence each, what comes of a step."""
    build = {"publish": _list_publish, "plan": _list_plan, "archive": _list_archive, "delete": _list_delete}[step]
    return [*build(release), _name_told(release.tenant_id, _EVENTS[step])]


def _list_publish(release: Release) -> list[Markup]:
    sentences = [
        _tell_readers(release),
        escape(_("From then on it is read-only: version, notes and files stay as they are.")),
    ]
    if release.publish_at:
        sentences.append(escape(_("It is not published again at the time that was planned.")))
    return sentences


def _list_plan(release: Release) -> list[Markup]:
    return [
        escape(_("Until then it stays a draft: nobody outside sees it, and it can be changed.")),
        escape(_("Then it is published as it is, in your name, and is read-only.")),
        _tell_readers(release, is_planned=True),
    ]


def _tell_readers(release: Release, *, is_planned: bool = False) -> Markup:
    if release.private:
        return escape(_("It is private: it will not appear on the customer page."))
    address = find_customer_page(release)
    link = Markup('<a href="{}">{}</a>').format(address, _shorten(address))
    if is_planned:
        return _html("Then it appears on the customer page, for everybody. Its address is {link}", link=link)
    return _html("It will appear on the customer page at once, for everybody. Its address is {link}", link=link)


def find_customer_page(release: Release) -> str:
    """Gives the whole address of the page where customers read the releases of this one's product."""
    slug = queries.get_product_slug(release.tenant_id, release.product_id)
    path = url_for("customer.show_product", tenant=current_user.tenant_slug, product=slug)
    return f"{current_app.extensions['slipway'].settings.base_url}{path}"


def _shorten(address: str) -> str:
    return address.partition("://")[2]


def _list_archive(release: Release) -> list[Markup]:
    is_shown = release.published and not release.private
    sentences = [escape(_("Customers will not see it any more."))] if is_shown else []
    sentences.append(escape(_("It keeps its version, and can be taken out of the archive again.")))
    if release.publish_at:
        sentences.append(escape(_("It will not be published at the time that was planned.")))
    return sentences


def _list_delete(release: Release) -> list[Markup]:
    sentences = [
        escape(
            ngettext(
                "For {count} day it can be brought back as it was. Then it is gone for good.",
                "For {count} days it can be brought back as it was. Then it is gone for good.",
                KEPT_DAYS,
            )
        ),
        escape(_("Its version is free again at once.")),
    ]
    if release.total_files:
        words = ngettext("Its {count} file goes with it.", "Its {count} files go with it.", release.total_files)
        sentences.insert(0, escape(words))
    return sentences


def _name_told(tenant_id: str, event_type: str) -> Markup:
    """Names the webhooks that an event goes to."""
    told = webhooks.list_subscribers(tenant_id, event_type)
    if not told:
        return escape(_("No webhook fires."))
    names = [_name_webhook(webhook.name, is_paused=webhook.paused_at is not None) for webhook in told[:_NAMED_WEBHOOKS]]
    listed = Markup(", ").join(names)
    if len(told) > len(names):
        count = len(told) - len(names)
        return _html("These webhooks are told: {names}, and {count} more.", names=listed, count=count)
    if len(told) == 1:
        return _html("This webhook is told: {names}.", names=listed)
    return _html("These webhooks are told: {names}.", names=listed)


def _name_webhook(name: str, *, is_paused: bool) -> Markup:
    marked = Markup("<bdi><strong>{}</strong></bdi>").format(name)
    return _html("{name} (once it is resumed)", name=marked) if is_paused else marked
