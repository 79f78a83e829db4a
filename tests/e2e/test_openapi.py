"""The API's description against the running application: no 5xx, and no answer that it does not tell of."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.openapi.document import build_document, list_rules
from app.openapi.operations import OPERATIONS
from tests.every_page import fill_portal
from tests.factories import Caller, Factory
from tests.stack import Stack

pytestmark = pytest.mark.once

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 3
# What needs more than a schema and an example can say: the password of somebody, an identity token of a job, a plan
# that was made, a product without releases, a draft that is no other's, a webhook that nothing is replayed to.
NEVER_SUCCEED = {
    "DELETE /v3/products/{productId}",
    "DELETE /v3/releases/{releaseId}/publish",
    "POST /v3/accounts/login",
    "POST /v3/oidc/mint-token",
    "POST /v3/releases/{releaseId}/publish",
    "POST /v3/webhooks/{webhookId}/replays",
}


@pytest.fixture(scope="module")
def stack(shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A web process."""
    with Stack(environment, tmp_path_factory.mktemp("openapi")) as stack:
        stack.start_web()
        yield stack


def test_every_route_of_the_api_is_described(app: Flask) -> None:
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/v3/")}
    assert routes - set(OPERATIONS) == {"openapi.show_document", "openapi.show_docs"}
    assert {rule.endpoint for rule in list_rules(app)} == set(OPERATIONS)


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does(app: Flask) -> None:
    paths = build_document(app, "http://slipway.test")["paths"]
    operations = [operation for item in paths.values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == sorted(set(names))
    assert all(operation["summary"].endswith(".") for operation in operations)
    # An operation that needs a token and no scope is one that every token may do.
    assert {operation["operationId"] for operation in operations if operation["security"] == [{"accessToken": []}]} <= {
        "showCaller",
        "listRoles",
        "listClaims",
        "listPublishedReleases",
    }


def find_ids(caller: Caller) -> dict[str, str]:
    """Gives one id of each kind of thing, made where there is none."""

    def find(path: str) -> str:
        return str(caller.get(path).get_json()[0]["id"])

    def make_one(path: str, **members: Any) -> str:
        answer = caller.post(path, json=members)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["id"])

    product_id, webhook_id = find("/v3/products"), find("/v3/webhooks")
    drafts = caller.get("/v3/releases?published=false&sort=-createdAt").get_json()
    csv = "version,name\n7.1,Rocket 7.1\n"
    return {
        "productId": product_id,
        "releaseId": drafts[0]["id"],
        "fileId": find("/v3/release-files"),
        "fileName": "rocket.tar.gz",
        "platform": "linux",
        "channel": "stable",
        "accountId": drafts[0]["tenantId"],
        "downloadKeyId": make_one(f"/v3/products/{product_id}/download-keys", name="Customer"),
        "publisherId": make_one(
            f"/v3/products/{product_id}/trusted-publishers",
            kind="github",
            repository="acme/rocket",
            workflow="release.yml",
        ),
        "channelId": make_one("/v3/release-channels", name="nightly"),
        "platformId": make_one("/v3/release-platforms", name="freebsd"),
        "tokenId": make_one("/v3/personal-access-tokens", name="CI", scopes=["release:read"]),
        "importId": make_one("/v3/imports", content=csv, fileName="releases.csv", productId=product_id),
        "webhookId": webhook_id,
        "eventLogId": find("/v3/webhook-event-logs"),
        "deliveryId": find(f"/v3/webhooks/{webhook_id}/deliveries"),
        "replayId": find(f"/v3/webhooks/{webhook_id}/replays"),
    }


def test_whatever_is_sent_the_answer_is_one_that_the_description_tells_of(
    app: Flask, make: Factory, stack: Stack
) -> None:
    portal = fill_portal(app, make)
    caller = make.caller(portal.owner)
    prober = Prober(stack.base_url, caller.headers, find_ids(caller))
    schema = schemathesis.openapi.from_url(f"{stack.base_url}/v3/openapi.json")
    operations: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    # What was not made yet cannot be asked for, and what was deleted cannot any more.
    order = ("post", "put", "get", "patch", "delete")
    operations.sort(key=lambda operation: (order.index(operation.method), operation.label))
    for operation in operations:
        prober.send_example(operation)
    failures = [
        f"{operation.label}: {error}"
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if (error := prober.find_failure(operation, mode))
    ]
    assert len(operations) > 70
    assert not failures, "\n\n".join(failures)
    # Who only ever hears that there is no such thing has not looked behind the first door.
    refused = {operation.label for operation in operations} - prober.successes
    assert refused <= NEVER_SUCCEED, "\n".join(sorted(refused - NEVER_SUCCEED))


class Prober:
    """Sends requests of a caller to operations, and looks at each answer."""

    def __init__(self, base_url: str, headers: dict[str, str], ids: dict[str, str]) -> None:
        self._base_url, self._headers, self._ids = base_url, headers, ids
        self.successes: set[str] = set()

    def send_example(self, operation: Any) -> None:
        """Sends what the description gives as an example, if it does, about what there is."""
        body = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" not in body:
            return
        places = {name: self._ids[name] for name in re.findall(r"{(\w+)}", operation.path)}
        case = operation.Case(
            method=operation.method, path_parameters=places, body=body["example"], media_type="application/json"
        )
        self._fill(case)
        answer = case.call_and_validate(base_url=self._base_url, headers=self._headers, checks=CHECKS)
        if answer.status_code < 400:
            self.successes.add(operation.label)

    def _fill(self, case: Any) -> None:
        """Puts what there is in the places of what was made up."""
        for part in ("path_parameters", "query", "body"):
            made_up = getattr(case, part)
            if isinstance(made_up, dict):
                setattr(case, part, {name: self._ids.get(name, it) for name, it in made_up.items()})

    def find_failure(self, operation: Any, mode: GenerationMode) -> str:
        """Sends some requests to an operation; gives what was wrong with an answer, or nothing."""
        dice = random.Random(operation.label)

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case: Any) -> None:
            if dice.random() < 0.8:
                self._fill(case)
            # Clients leave out what is dots alone (RFC 3986, section 5.2.4), and ask for something else.
            assume(not any(set(str(value)) <= {"."} for value in (case.path_parameters or {}).values()))
            answer = case.call_and_validate(base_url=self._base_url, headers=self._headers, checks=CHECKS)
            if answer.status_code < 400:
                self.successes.add(operation.label)

        try:
            run()
        except BaseExceptionGroup as group:
            return "; ".join(str(error) for error in group.exceptions)[:1500]
        except (AssertionError, Unsatisfiable) as error:
            # An operation that takes nothing has nothing that could be wrong.
            return "" if mode == GenerationMode.NEGATIVE and isinstance(error, Unsatisfiable) else str(error)[:1500]
        return ""
