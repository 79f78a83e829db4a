"""How the API answers when all is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, request

from app import etags
from app.config_values import REQUEST_LINE_BYTES
from app.exceptions import FieldError, InvalidRequestError, ValidationError
from app.text import is_idempotency_key

_TRUE = frozenset({"true", "True"})
_FALSE = frozenset({"false", "False"})
_NAMED_FIELDS_LIMIT = 32
_NAMED_FIELD_LENGTH = 64


def answer_json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Gives a JSON answer; the members keep the order in which they were made."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def answer_entity(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None, *, tag: str | None = None
) -> Response:
    """Gives a JSON answer that holds one entity as GET answers it, with its entity tag.

    ``tag`` stands in for one that is made of the body, where that holds a secret. Raises PreconditionFailedError if
    who only reads has asked for another state of it.
    """
    return _tag(answer_json(body, status, headers), tag or etags.build_tag(body))


def _tag(response: Response, tag: str) -> Response:
    """Names the state that is answered, and leaves its body out for who has it (RFC 9110, section 13)."""
    response.headers["ETag"] = tag
    # It may be kept, by who has asked for it alone, and is asked for again each time.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.method not in ("GET", "HEAD"):
        return response
    precondition = read_precondition()
    if precondition.match is not None:
        etags.Precondition(precondition.match).check(tag)
    if precondition.none_match is not None and precondition.none_match.names(tag):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    return response


def read_precondition() -> etags.Precondition:
    """Gives what must be true for the request to be served, by its If-Match and If-None-Match.

    Raises InvalidRequestError if one of them cannot be read.
    """
    return etags.parse_precondition(request.headers.get("If-Match"), request.headers.get("If-None-Match"))


def build_url(path: str) -> str:
    """Takes a path; gives its address as everybody else knows it, by BASE_URL."""
    return f"{current_app.extensions['slipway'].settings.base_url}{path}"


def answer_list(
    items: Sequence[Any],
    limit: int,
    build_cursor: Callable[[], str],
    *,
    ignored: Iterable[str] = (),
    has_secrets: bool = False,
) -> Response:
    """Answers a bare array, with the next page's address in ``Link`` if this one is full, and with its entity tag.

    ``build_cursor`` gives the place after the last row of what was found, and ``ignored`` names the parameters that say
    nothing. What holds secrets is kept by nobody.
    """
    link = link_next_page(build_cursor()) if len(items) == limit else {}
    response = answer_json(items, headers={**name_ignored_fields(ignored), **link})
    if has_secrets:
        return response
    return _tag(response, etags.build_text_tag(response.get_data(as_text=True)))


def link_next_page(cursor: str) -> dict[str, str]:
    """Takes where the next page of the list that was asked for begins; gives the header ``Link``."""
    kept = [(key, text) for key, text in request.args.items(multi=True) if key not in ("cursor", "page")]
    return build_next_link(build_url(request.path), [*kept, ("cursor", cursor)])


def build_next_link(url: str, parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Takes an address and the parameters of the next page; gives the header ``Link`` (RFC 8288).

    Gives none if a web server would not read a request for it: its line ends with the protocol's name.
    """
    target = f"{url}?{urlencode(list(parameters))}"
    if len(f"GET {target} HTTP/1.1") > REQUEST_LINE_BYTES:
        return {}
    return {"Link": f'<{target}>; rel="next"'}


def name_ignored_fields(names: Iterable[str]) -> dict[str, str]:
    """Takes the members that were sent and said nothing; gives the header that names them, or none."""
    # A name may hold anything that JSON can spell; a header may not.
    shown = [quote(name[:_NAMED_FIELD_LENGTH], safe="[]()!$&'*+;=:@", errors="replace") for name in names]
    return {"Slipway-Ignored-Fields": ", ".join(shown[:_NAMED_FIELDS_LIMIT])} if shown else {}


def answer_trial(normalized: Mapping[str, Any], warnings: Iterable[str], headers: Mapping[str, str]) -> Response:
    """Answers ``validateOnly=true`` where all is well: what would be stored, and what the caller may not expect."""
    return answer_json({"valid": True, "normalized": dict(normalized), "warnings": list(warnings)}, headers=headers)


def refuse_trial() -> None:
    """Raises ValidationError if ``validateOnly=true`` is asked of what can only be done: so it is not done, either."""
    if read_flag("validateOnly"):
        rule = "is for what is created or changed by a body. This can only be done, and was not."
        raise ValidationError([FieldError("validateOnly", "not_supported", f"validateOnly {rule}")])


def list_parameters() -> list[tuple[str, str]]:
    """Gives all query parameters as names and values, those that are named twice too."""
    return [(name, value) for name, values in request.args.lists() for value in values]


def read_flag(name: str) -> bool:
    """Gives a boolean query parameter, false if it is absent. Raises ValidationError if it is neither.

    So does one that comes twice, or in other letters: whoever only wants to try must not do by a slip of the pen.
    """
    value = _read_single(name, "false")
    if value not in _TRUE | _FALSE:
        raise ValidationError([FieldError(name, "wrong_type", f"{name} must be true or false.")])
    return value in _TRUE


def _read_single(name: str, default: str) -> str:
    if not request.args:
        return default
    if slip := next((other for other in request.args if other != name and other.lower() == name.lower()), None):
        raise ValidationError([FieldError(slip, "invalid_parameter", f"{slip[:32]} must be spelled {name}.")])
    values = request.args.getlist(name) or [default]
    if len(values) > 1:
        raise ValidationError([FieldError(name, "invalid_parameter", f"{name} must be given once.")])
    return values[0]


def read_choice(name: str, choices: Sequence[str]) -> str:
    """Gives a query parameter that is one of several words, the first if it is absent. Raises ValidationError."""
    value = _read_single(name, choices[0])
    if value not in choices:
        rule = f"must be {', '.join(choices[:-1])} or {choices[-1]}"
        raise ValidationError([FieldError(name, "unknown_choice", f"{name} {rule}.")])
    return value


def read_idempotency_key() -> str | None:
    """Gives the request's ``Idempotency-Key``, None without one. Raises InvalidRequestError if it can be none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not is_idempotency_key(key):
        raise InvalidRequestError("Idempotency-Key must be 1 to 255 visible ASCII characters.")
    if key is not None:
        # Whoever must say later that nobody knows what became of this request can say that it may be sent again.
        g.idempotency_key = key
    return key
