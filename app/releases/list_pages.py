"""Shows the list of releases: its rows, the filters that are on, how many fit, and what to do where nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.forms import FormState
from app.language import gettext as _
from app.language import ngettext, pgettext
from app.products import queries as products
from app.products.models import Product
from app.releases import first_steps, list_filters, listing, queries
from app.releases.list_filters import ListFilters, list_names
from app.releases.listing import COUNT_LIMIT, LOOK_LIMIT, Count, Part
from app.releases.pages import build_rows

# How far the page looks for what would fit without one of the filters: a hint may cost less than the list.
_HINT_LOOK = 5000


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on: what it says, and the address of the list without it."""

    label: str
    url: str
    is_gone: bool = False
    # How many would fit without it, in words; nothing if that was not asked or none would.
    hint: str = ""


def show_list(arguments: MultiDict[str, str]) -> str | Response:
    """Takes the parameters of the address; gives the page, or the way to the same one by a shorter address."""
    given = {name: arguments[name] for name in list_filters.PARAMETERS if name in arguments}
    if "" in given.values():
        # A form without script sends its empty fields, too. What somebody passes on should say only what it means.
        return redirect(_build_url({name: value for name, value in given.items() if value}), 302)
    wanted = list_filters.read_filters(arguments)
    tenant_id, query = current_user.tenant_id, wanted.build_query()
    part = listing.read_part(tenant_id, query, is_backward=wanted.is_backward)
    own = products.list_products(tenant_id)
    channels, platforms = queries.list_channels_and_platforms(tenant_id)
    is_first = part.previous is None and wanted.after is None
    is_empty = not part.releases and not part.is_cut and is_first
    return render_template(
        "releases/list.html",
        form=FormState.build(wanted.values, wanted.errors),
        releases=build_rows(part.releases, own),
        products=own,
        channels=channels,
        platforms=platforms,
        states=name_states(),
        knows_product=any(product.id == wanted.on.get("product_id") for product in own),
        chips=_build_chips(tenant_id, wanted, own, explains=is_empty),
        count_words=_count(tenant_id, wanted, part),
        look_limit=_format_number(LOOK_LIMIT),
        part=part,
        is_first=is_first,
        is_filtered=bool(wanted.on),
        clear_url=_build_url({"sort": wanted.address["sort"]} if wanted.is_by_version else {}),
        pages=_build_pages(wanted, part),
        steps=first_steps.build_steps(own) if is_empty and not wanted.on else None,
        base_url=current_app.extensions["slipway"].settings.base_url,
    )


def name_states() -> dict[str, str]:
    """Gives the states that the list can be filtered by, with their names."""
    return {
        "draft": pgettext("state of a release", "Draft"),
        "planned": pgettext("state of a release", "Planned"),
        "published": pgettext("state of a release", "Published"),
        "private": pgettext("state of a release", "Private"),
        "archived": pgettext("state of a release", "Archived"),
        "historic": pgettext("state of a release", "Historic"),
    }


def _build_url(parameters: Mapping[str, Any]) -> str:
    return url_for("releases.list_releases", **parameters)


def _build_pages(wanted: ListFilters, part: Part) -> dict[str, str | None]:
    """Gives the addresses of the first part, the one before and the next one, None where there is none."""
    address = wanted.address
    is_later = wanted.after is not None
    return {
        "first": _build_url(address) if is_later else None,
        "previous": _build_url({**address, "before": part.previous}) if part.previous else None,
        "next": _build_url({**address, "cursor": part.next}) if part.next else None,
    }


def _build_chips(tenant_id: str, wanted: ListFilters, own: Sequence[Product], *, explains: bool) -> list[Chip]:
    chips = []
    for name in list_names(wanted.on):
        other = wanted.without(name)
        label, is_gone = _describe_filter(tenant_id, wanted, name, own, explains=explains)
        hint = _hint(listing.count_releases(tenant_id, other.build_query(), _HINT_LOOK)) if explains else ""
        chips.append(Chip(label, _build_url(other.address), is_gone, hint))
    return chips


def _describe_filter(
    tenant_id: str, wanted: ListFilters, name: str, own: Sequence[Product], *, explains: bool
) -> tuple[str, bool]:
    """Gives what a filter says, and whether it asks for what is no more."""
    value = wanted.on[name]
    if name == "product_id":
        names = [product.display_name for product in own if product.id == value]
        return (_("Product: {name}", name=names[0]), False) if names else (_("A product that does not exist"), True)
    if name in ("channel", "platform"):
        alone = {key: "" for key in wanted.on if key != name}
        is_gone = explains and _is_unused(tenant_id, wanted, alone)
        if name == "channel":
            label = _("Channel {name}: not in use", name=value) if is_gone else _("Channel: {name}", name=value)
        else:
            label = _("Platform {name}: not in use", name=value) if is_gone else _("Platform: {name}", name=value)
        return label, is_gone
    if name == "state":
        return _("State: {name}", name=name_states()[value]), False
    if name == "since":
        return _("Since {day}", day=value), False
    return (_("Until {day}", day=value) if name == "until" else _("Search: {text}", text=value)), False


def _is_unused(tenant_id: str, wanted: ListFilters, others: Mapping[str, str]) -> bool:
    """Whether no release at all has what one filter asks for, as far as it was looked."""
    for name in others:
        wanted = wanted.without(name)
    count = listing.count_releases(tenant_id, wanted.build_query(), _HINT_LOOK)
    return count.number == 0 and count.is_exact


def _hint(count: Count) -> str:
    if count.number == 0:
        return ""
    if not count.is_exact:
        return _("at least {count} without it", count=_format_number(count.number))
    return ngettext("{count} without it", "{count} without it", count.number)


def _count(tenant_id: str, wanted: ListFilters, part: Part) -> str:
    """Says how many releases fit: exactly, or at least how many."""
    if wanted.after is None and part.next is None:
        count = Count(len(part.releases))
    else:
        count = listing.count_releases(tenant_id, wanted.build_query())
    if count.is_exact:
        return ngettext("{count} release", "{count} releases", count.number)
    if count.number >= COUNT_LIMIT:
        return _("More than {count} releases", count=_format_number(COUNT_LIMIT))
    return ngettext("At least {count} release", "At least {count} releases", count.number)


def _format_number(number: int) -> str:
    # A narrow space groups digits in English and in German alike (ISO 80000-1).
    return f"{number:,}".replace(",", "\u202f")
