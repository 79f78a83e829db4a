"""What the pages of imports show: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from flask import render_template, request, url_for
from flask_login import current_user

from app.accounts.sessions import is_sign_in_needed
from app.exceptions import FieldError, NotFoundError
from app.forms import FormState
from app.imports import queries
from app.imports.formats.detection import CONTENT_LIMIT
from app.imports.formats.entries import ROW_LIMIT
from app.imports.judging import CONFLICT, CREATE, CREATED, ERROR, SAME, SKIP
from app.imports.models import ImportRow
from app.imports.queries import DONE, PREVIEW, RUNNING, STOPPED, ImportRecord, RowQuery
from app.imports.schema import CHANGELOG, CSV, GITHUB, GITLAB, JSONL
from app.imports.words import unpack, unpack_errors
from app.language import gettext as _
from app.languages import spell_time
from app.paging import Place, parse_whole_number
from app.products import queries as products

PAGE_SIZE: Final = 50
WARNED: Final = "warnings"
_LIST_LIMIT: Final = 50
_TONES: Final = {
    CREATE: "is-accent", CREATED: "is-good", SAME: "", CONFLICT: "is-warning", ERROR: "is-bad", SKIP: "",
}  # fmt: skip


def render_form(values: Mapping[str, Any], errors: Iterable[FieldError] = (), import_id: str | None = None) -> str:
    """Takes the values of the form and what is wrong with them; gives the page, of a new import or of one's options."""
    form = FormState.build(values, errors)
    has_products = current_user.is_authenticated and not form.is_outage
    listed = products.list_products(current_user.tenant_id) if has_products else []
    return render_template(
        "imports/new.html",
        form=form,
        import_id=import_id,
        products=listed,
        product=next((product for product in listed if product.id == values["productId"]), None),
        formats=_name_formats(),
        limits={"megabytes": CONTENT_LIMIT // 1024**2, "rows": ROW_LIMIT},
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )


def render_list(product_id: str) -> str:
    """Gives the page of the newest imports, of one product or of all."""
    actor = current_user.actor
    product = products.get_product(actor.tenant_id, product_id) if product_id else None
    found = queries.list_imports(actor, Place(_LIST_LIMIT, is_descending=True), product_id or None)
    return render_template("imports/list.html", imports=[_build_record(record) for record in found], product=product)


def render_import(record: ImportRecord) -> str:
    """Takes an import; gives its page, with the rows that the address asks for."""
    shown = request.args.get("show", "")
    wanted = _read_query(shown)
    tenant_id = current_user.tenant_id
    found = queries.list_rows(tenant_id, record.entity.id, wanted)
    rows, next_url = found[:PAGE_SIZE], None
    if len(found) > PAGE_SIZE:
        next_url = _build_url(record, shown, rows[-1].number)
    return render_template(
        "imports/show.html",
        record=_build_record(record),
        filters=_build_filters(record, shown),
        rows=_build_rows(tenant_id, rows),
        shown=shown,
        next_url=next_url,
        first_url=_build_url(record, shown) if wanted.after else None,
        fixes=_list_fixes(record),
        product=_find_product(record),
    )


def _read_query(shown: str) -> RowQuery:
    after = parse_whole_number(request.args.get("after", ""), 0, ROW_LIMIT)
    states = (shown,) if shown in _TONES else ()
    # One more row than is shown tells whether there is a next page.
    return RowQuery(states=states, is_warned=shown == WARNED, limit=PAGE_SIZE + 1, after=after)


def _build_url(record: ImportRecord, shown: str, after: int | None = None) -> str:
    return url_for("imports.show_import", import_id=record.entity.id, show=shown or None, after=after)


def _find_product(record: ImportRecord) -> Any:
    if record.entity.product_id is None:
        return None
    try:
        return products.get_product(current_user.tenant_id, record.entity.product_id)
    except NotFoundError:
        return None


def _build_record(record: ImportRecord) -> SimpleNamespace:
    entity, counts = record.entity, record.counts
    return SimpleNamespace(
        id=entity.id,
        title=entity.file_name or _("Pasted text"),
        format=_name_formats()[entity.format],
        state=entity.state,
        state_words=_name_states()[entity.state],
        tone={RUNNING: "is-accent", STOPPED: "is-warning", DONE: "is-good"}.get(entity.state, ""),
        is_preview=entity.state == PREVIEW,
        is_running=entity.state == RUNNING,
        is_stopped=entity.state == STOPPED,
        is_done=entity.state == DONE,
        reason=entity.reason,
        total=entity.total,
        counts=counts.states,
        open=counts.open,
        processed=entity.total - counts.open,
        publishes=entity.options["publish"],
        is_quiet=entity.options["quiet"],
        warnings=[unpack(warning) for warning in entity.warnings],
        created_at=entity.created_at,
        created_by=entity.created_by,
        finished_at=entity.finished_at,
    )


def _build_filters(record: ImportRecord, shown: str) -> list[SimpleNamespace]:
    """Gives the figures of an import, each of which leads to its rows; none of those that count nothing."""
    counts = {**record.counts.states, WARNED: record.counts.warned}
    found = [(state, words, counts[state]) for state, words in _name_rows().items()]
    found.append((WARNED, _("With remarks"), counts[WARNED]))
    return [
        SimpleNamespace(
            label=label,
            count=count,
            tone=_TONES.get(state, ""),
            is_current=state == shown,
            url=_build_url(record, "" if state == shown else state),
        )
        for state, label, count in found
        if count or state == shown
    ]


def _list_fixes(record: ImportRecord) -> list[SimpleNamespace]:
    """Gives what a choice would let in, of the rows that cannot be imported as they are."""
    if record.entity.state != PREVIEW or not record.counts.states[ERROR]:
        return []
    codes = queries.count_codes(record.entity.tenant_id, record.entity.id)
    return [
        SimpleNamespace(kind=kind, count=codes[code])
        for kind, code in (("prereleases", ("version", "prerelease")), ("longNotes", ("notes", "too_long")))
        if codes[code]
    ]


def _build_rows(tenant_id: str, rows: Sequence[ImportRow]) -> list[SimpleNamespace]:
    existing = queries.list_existing(tenant_id, [row.release_id for row in rows])
    return [_build_row(row, existing) for row in rows]


def _build_row(row: ImportRow, existing: set[str]) -> SimpleNamespace:
    return SimpleNamespace(
        number=row.number,
        line=row.line,
        version=row.version or _("Row {number}", number=row.number),
        name=row.name,
        channel=row.channel,
        platforms=row.platforms,
        private=row.private,
        publishes=row.publishes,
        released_at=row.released_at,
        is_day=row.is_day,
        day=_spell_day(row.released_at),
        state_words=_name_rows()[row.state],
        tone=_TONES[row.state],
        errors=unpack_errors(row.errors),
        warnings=unpack_errors(row.warnings),
        release_id=row.release_id if row.release_id in existing else None,
    )


def _spell_day(moment: datetime | None) -> str:
    """Gives a day as the reader's language writes it; it is the same wherever one reads of it."""
    return spell_time(moment).rpartition(",")[0] if moment else ""


def _name_rows() -> dict[str, str]:
    return {
        CREATE: _("To be created"),
        CREATED: _("Created"),
        SAME: _("Already there"),
        CONFLICT: _("In conflict"),
        ERROR: _("Cannot be imported"),
        SKIP: _("Left out"),
    }


def _name_states() -> dict[str, str]:
    return {PREVIEW: _("Preview"), RUNNING: _("Running"), STOPPED: _("Stopped"), DONE: _("Done")}


def _name_formats() -> dict[str, str]:
    return {
        JSONL: _("JSON Lines"),
        CSV: _("CSV"),
        GITHUB: _("GitHub releases"),
        GITLAB: _("GitLab releases"),
        CHANGELOG: _("Changelog"),
    }
