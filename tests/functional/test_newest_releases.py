"""``/v3/releases/latest``, ``/v3/releases/update`` and ``/v3/me/releases``: what those get who use what is released."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

from app.database import generate_id, transaction
from app.download_keys import service as download_keys
from app.download_keys.schema import parse_download_key
from app.extensions import db
from app.releases.models import Release, ReleaseSlot
from app.releases.versions import build_version_key
from app.times import now
from tests.corpora import load_corpus
from tests.factories import Caller, Factory, Organisation


class Shop:
    """A product, and what its customers get of it."""

    def __init__(self, make: Factory, owner: Organisation, caller: Caller) -> None:
        self.owner, self.caller, self.client = owner, caller, caller.client
        self.product_id = make.product(owner).id

    def release(self, version: str, *, publishes: bool = True, archives: bool = False, **members: Any) -> str:
        """Makes a release for linux, and publishes it if not told otherwise; gives its id."""
        body = {"name": f"App {version}", "version": version, "platforms": ["linux"], "productId": self.product_id}
        answer = self.caller.post("/v3/releases", json={**body, **members})
        assert answer.status_code == 201, answer.text
        release_id = str(answer.get_json()["id"])
        for step in ("publish",) * publishes + ("archive",) * archives:
            assert self.caller.post(f"/v3/releases/{release_id}/{step}").status_code == 200
        return release_id

    def ask(self, what: str, client: Caller | FlaskClient | None = None, **parameters: str) -> TestResponse:
        """Asks for ``latest`` or ``update``, without a token if none is given."""
        query = {"platform": "linux", "productId": self.product_id, **parameters}
        return (client or self.client).get(f"/v3/releases/{what}", query_string=query)

    def latest(self, client: Caller | FlaskClient | None = None, **parameters: str) -> str:
        """Gives the version of ``latest``, or the status where there is none."""
        answer = self.ask("latest", client, **parameters)
        return str(answer.get_json()["version"] if answer.status_code == 200 else answer.status_code)


@pytest.fixture
def shop(make: Factory, owner: Organisation, caller: Caller) -> Shop:
    """A shop in which nothing is released yet."""
    return Shop(make, owner, caller)


def test_latest_is_the_highest_published_version_of_channel_and_platform(shop: Shop) -> None:
    assert shop.latest() == "404"
    release_id = shop.release("1.10")
    shop.release("1.9.99")
    shop.release("2.0", publishes=False)
    shop.release("3.0", archives=True)
    shop.release("4.0", channel="beta")
    shop.release("5.0", platforms=["windows"])
    assert shop.ask("latest").get_json() == shop.caller.get(f"/v3/releases/{release_id}").get_json()
    assert [shop.latest(channel=it) for it in ("stable", "", "beta", "Beta")] == ["1.10", "1.10", "4.0", "404"]
    assert [shop.latest(platform=it) for it in ("windows", "macos")] == ["5.0", "404"]
    # Tolerated, as the licence key and the account of other products of this API family are.
    answer = shop.ask("latest", key="any", accountId="any", arch="x64")
    assert (answer.status_code, answer.headers["Slipway-Ignored-Fields"]) == (200, "arch")


def test_a_release_that_names_no_platform_is_for_all_and_one_that_does_comes_before_it(shop: Shop) -> None:
    general = shop.release("1.0", platforms=[])
    assert [shop.latest(platform=it) for it in ("linux", "amiga")] == ["1.0", "1.0"]
    special = shop.release("1.0.0")
    assert [shop.ask("latest", platform=it).get_json()["id"] for it in ("linux", "amiga")] == [special, general]
    shop.release("1.1", platforms=[])
    assert shop.latest() == "1.1"


def test_private_releases_are_for_tokens_that_may_read_releases_of_the_tenant(shop: Shop, make: Factory) -> None:
    shop.release("1.0")
    shop.release("2.0", private=True)
    assert (shop.latest(), shop.latest(shop.caller)) == ("1.0", "2.0")
    assert shop.latest(make.caller(shop.owner, "release:read")) == "2.0"
    assert shop.latest(make.caller(shop.owner, "product:read")) == "1.0"
    assert shop.latest(make.caller(make.organisation())) == "1.0"
    assert [shop.ask(it, version="1.0").status_code for it in ("latest", "update")] == [200, 204]
    assert shop.ask("update", shop.caller, version="1.0").get_json()["version"] == "2.0"
    # Whoever sends a token means it: a bad one is not as good as none.
    bad = shop.ask("latest", Caller(shop.client, "a.b.c"))
    assert (bad.status_code, bad.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_every_parameter_that_breaks_a_rule_is_named_at_once(shop: Shop, client: FlaskClient) -> None:
    def ask(query: str) -> list[tuple[str, str]]:
        answer = client.get(f"/v3/releases/{query}")
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
        return [(error["field"], error["message"]) for error in answer.get_json()["errors"]]

    assert ask("latest") == [("platform", "platform is required."), ("productId", "productId is required.")]
    assert [field for field, _ in ask("update?version=")] == ["platform", "productId", "version"]
    long = "x" * 257
    rules = dict(ask(f"update?platform={long}&productId=1&channel=%00&channel=a&version=1.x"))
    assert rules["platform"] == "platform must have at most 256 characters; it has 257."
    assert rules["productId"] == "productId must be the id of a product."
    assert rules["version"].startswith("version must be two to four numbers with dots between them")
    assert rules["channel"].startswith("channel must not contain the character NUL")
    assert ask(f"latest?platform=a&platform=b&productId={shop.product_id}")[0][1] == "platform must be given once."
    assert client.get(f"/v3/releases/latest?platform=a&productId={generate_id()}").status_code == 404
    assert client.get(f"/v3/releases/update?platform=a&productId={generate_id()}&version=1.0").status_code == 404


def test_update_compares_as_many_numbers_as_the_query_gives(shop: Shop) -> None:
    assert shop.ask("update", version="1.0").status_code == 204
    wrong = []
    for newest, asked in (
        ("1.2.3.4", {"1.2.3.4": 204, "1.2.3.3": 200, "1.2.3": 204, "1.2": 204, "1.1": 200, "1.2.2": 200, "1.2.4": 204}),
        ("1.2.3.5", {"1.2.3.5": 204, "1.2.3.4": 200, "1.2.3.10": 204, "2.0": 204, "01.02.03.04": 200, "0.9": 200}),
        ("1.10", {"1.9": 200, "1.10": 204, "1.10.0.0": 204, "1.9.99": 200, "1.10.0.1": 204}),
        ("18446744073709551615.0", {"18446744073709551614.9": 200, "18446744073709551615.0": 204, "9.0": 200}),
    ):
        shop.release(newest)
        for version, status in asked.items():
            answer = shop.ask("update", version=version)
            if answer.status_code != status or (status == 200) != (answer.data != b""):
                wrong.append((newest, version, answer.status_code, answer.text))
    assert wrong == []


def test_update_reads_every_version_of_the_corpus_as_a_release_does(shop: Shop) -> None:
    shop.release("1.0")
    wrong = []
    for case in load_corpus("versions")["cases"]:
        version = json.loads(case["value_json"])
        if isinstance(version, str) and not any("\ud800" <= it <= "\udfff" for it in version):
            status = shop.ask("update", version=version).status_code
            expected = {"accept": {200, 204}, "reject": {400}}.get(case["verdict"], {200, 204, 400})
            wrong += [(case["id"], version, status)] if status not in expected else []
    assert wrong == []


def test_many_newer_drafts_do_not_stand_between_customers_and_what_is_published(shop: Shop) -> None:
    release = db.session.scalars(select(Release).where(Release.id == shop.release("1.0"))).one()
    columns = {name: getattr(release, name) for name in Release.__table__.columns.keys()}  # noqa: SIM118 - no dict
    places = {name: columns[name] for name in ("tenant_id", "product_id", "channel")}
    drafts, slots = [], []
    for number in range(300):
        own = {"id": generate_id(), "version": f"2.{number}", "version_key": build_version_key(f"2.{number}")}
        drafts.append({**columns, **own, "published": False, "published_at": None, "created_at": now()})
        slots.append({**places, "platform": "linux", "version_key": own["version_key"], "release_id": own["id"]})
    with transaction() as session:
        session.execute(insert(Release), drafts)
        session.execute(insert(ReleaseSlot), slots)
    assert shop.latest() == "1.0"


def test_my_releases_are_what_is_published_with_the_newest_first(shop: Shop, make: Factory) -> None:
    for number in range(1, 4):
        shop.release(f"1.{number}", createdAt=f"2020-01-0{number}T00:00:00Z")
    shop.release("2.0", private=True, createdAt="2020-02-01T00:00:00Z")
    shop.release("3.0", publishes=False)
    shop.release("4.0", archives=True)

    def ask(client: Caller, query: str = "") -> list[str]:
        answer = client.get(f"/v3/me/releases{query}")
        assert answer.status_code == 200, answer.text
        return [release["version"] for release in answer.get_json()]

    # Any token of the organisation may; private ones are for those that may read releases.
    customer = make.caller(shop.owner, "product:read")
    assert ask(customer) == ["1.3", "1.2", "1.1"]
    assert ask(shop.caller) == ["2.0", "1.3", "1.2", "1.1"]
    assert ask(make.caller(make.organisation())) == []
    assert ask(customer, "?sort=createdAt&limit=2") == ["1.1", "1.2"]
    assert ask(customer, "?page=2&limit=2") == ["1.1"]
    assert ask(customer, "?version[gt]=1.1&platform=linux&published=false") == []
    link = customer.get("/v3/me/releases?limit=2").headers["Link"]
    assert ask(customer, link.partition("/v3/me/releases")[2].partition(">")[0]) == ["1.1"]
    assert customer.get("/v3/me/releases?sort=name").status_code == 400
    assert shop.client.get("/v3/me/releases").status_code == 401


def test_a_restricted_product_needs_a_token_of_its_organisation_or_one_of_its_keys(shop: Shop, make: Factory) -> None:
    shop.release("1.0")
    other = make.product(shop.owner)
    actor = shop.owner.actor
    key, others = (
        download_keys.create_key(actor, product_id, parse_download_key({"name": "Customer"}))
        for product_id in (shop.product_id, other.id)
    )
    assert key.key is not None
    assert others.key is not None
    download_keys.restrict_product(actor, shop.product_id, is_restricted=True)
    for what in ("latest", "update"):
        answers = [shop.ask(what, version="0.9", key=asked) for asked in ("", "x", others.key)]
        assert [answer.status_code for answer in answers] == [401] * 3
        assert answers[0].headers["WWW-Authenticate"].startswith("Bearer ")
        assert answers[0].get_json()["message"].startswith("This product is restricted")
        assert shop.ask(what, version="0.9", key=key.key).status_code == 200
        assert shop.ask(what, shop.caller, version="0.9").status_code == 200
    assert shop.ask("latest", make.caller(shop.owner, "product:read")).status_code == 403
    assert shop.ask("latest", make.caller(make.organisation())).status_code == 401
    mine = [
        make.caller(shop.owner, scope).get("/v3/me/releases").get_json() for scope in ("product:read", "release:read")
    ]
    assert [len(releases) for releases in mine] == [0, 1]
    # A key is no token: what is private stays so.
    shop.release("2.0", private=True)
    assert (shop.latest(key=key.key), shop.latest(shop.caller)) == ("1.0", "2.0")
    download_keys.revoke_key(actor, shop.product_id, key.row.id)
    assert shop.latest(key=key.key) == "401"
    download_keys.restrict_product(actor, shop.product_id, is_restricted=False)
    assert shop.latest() == "1.0"
