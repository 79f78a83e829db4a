"""What Prometheus reads at ``/metrics``: who may, what it is told, and what is left out in an outage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import metrics
from app.database import clock, transaction
from app.embedded import ValkeyServer
from app.gauges import Gauges, read_gauges
from app.webhooks.measures import Measurement, Measures
from app.webhooks.models import Delivery, Webhook
from app.webhooks.queue import connect
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import create_release, deliver_all, make_due

TOKEN = "a-token-of-at-least-16-characters"
Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def _without_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each request see what the database holds now."""
    monkeypatch.setattr(metrics, "CACHE_SECONDS", 0.0)


def read_series(text: str) -> Series:
    """Takes an answer; gives each series with its value. Raises ValueError if Prometheus could not read it."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        assert family.type in ("gauge", "counter", "histogram"), family.name
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def get_value(series: Series, name: str, **labels: str) -> float | None:
    """Gives the value of one series, None if it is not there."""
    return series.get((name, frozenset(labels.items())))


def scrape(client: FlaskClient) -> Series:
    """Reads the metrics as Prometheus on the same machine does."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return read_series(answer.text)


def change(session: Session, state: str, **values: object) -> None:
    """Puts one pending delivery into another state."""
    delivery = session.query(Delivery).filter(Delivery.state == "pending").limit(1).one()
    session.execute(update(Delivery).where(Delivery.id == delivery.id).values(state=state, **values))


def test_the_gauges_say_what_the_rows_say(
    client: FlaskClient, make: Factory, owner: Organisation, caller: Caller
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/secret-path")
    for number in range(6):
        create_release(make, owner, caller, f"1.{number}")
    with transaction() as session:
        session.execute(update(Delivery).values(next_attempt_at=clock(-90)))
        for state in ("held", "dead", "delivered"):
            change(session, state, next_attempt_at=None)
        change(session, "pending", next_attempt_at=clock(3600))
    series = scrape(client)
    states = {state: get_value(series, "slipway_deliveries", state=state) for state in ("pending", "held", "dead")}
    assert states == {"pending": 3, "held": 1, "dead": 1}
    assert get_value(series, "slipway_deliveries", state="delivered") == 1
    assert get_value(series, "slipway_deliveries_due") == 2
    assert 90 <= (get_value(series, "slipway_oldest_due_age_seconds") or 0) < 120
    assert get_value(series, "slipway_database_reachable") == 1
    assert get_value(series, "slipway_queue_reachable") == 1
    assert get_value(series, "slipway_mails_pending") == 0
    assert get_value(series, "slipway_replays_running") == 0


def test_nothing_due_is_no_age_even_if_something_is_pending(
    client: FlaskClient, make: Factory, owner: Organisation, caller: Caller
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    with transaction() as session:
        session.execute(update(Delivery).values(next_attempt_at=clock(3600)))
    series = scrape(client)
    assert get_value(series, "slipway_oldest_due_age_seconds") == 0
    assert get_value(series, "slipway_deliveries_due") == 0


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "active"),
        ({"failing_since": clock(-5)}, "failing"),
        ({"failing_since": clock(-5), "paused_at": clock()}, "paused"),
        ({"active": False}, "inactive"),
        ({"active": False, "disabled_at": clock(), "failing_since": clock(-5)}, "disabled"),
    ],
)
def test_each_webhook_is_in_one_state(
    client: FlaskClient, make: Factory, owner: Organisation, values: dict[str, object], state: str
) -> None:
    webhook_id = make.webhook(owner, "http://127.0.0.1:9/").id
    make.webhook(make.organisation(), "http://127.0.0.1:9/")
    with transaction() as session:
        if values:
            session.execute(update(Webhook).where(Webhook.id == webhook_id).values(**values))
        others = update(Webhook).where(Webhook.id != webhook_id)
        session.execute(others.values(deleted_at=clock()))
    series = scrape(client)
    states = ("active", "failing", "paused", "disabled", "inactive")
    found = {name: get_value(series, "slipway_webhooks", state=name) for name in states}
    assert found == {name: int(name == state) for name in states}


def test_no_series_names_a_tenant_or_a_receiver(
    client: FlaskClient, app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/secret-path")
    create_release(make, owner, caller)
    app.extensions["slipway"].measures.count([Measurement("failed", "http://127.0.0.1:9/secret-path", 1.0)])
    text = client.get("/metrics").text
    assert get_value(read_series(text), "slipway_attempts_total", outcome="failed", reason="other") == 1
    for secret in (owner.tenant_id, owner.slug, owner.name, webhook.id, "secret-path", "127.0.0.1"):
        assert secret not in text


def test_attempts_are_counted_over_all_processes(client: FlaskClient, queue_server: ValkeyServer) -> None:
    for _ in range(2):
        Measures(queue_server.url).count(
            [
                Measurement("success", None, 0.05, waited_seconds=0.2),
                Measurement("success", None, 0.3),
                Measurement("failed", "timeout", 15.2),
                Measurement("lost", "worker_died", None),
            ]
        )
    series = scrape(client)
    assert get_value(series, "slipway_attempts_total", outcome="success", reason="none") == 4
    assert get_value(series, "slipway_attempts_total", outcome="failed", reason="timeout") == 2
    assert get_value(series, "slipway_attempts_total", outcome="lost", reason="worker_died") == 2
    name = "slipway_attempt_duration_seconds"
    buckets = {le: get_value(series, f"{name}_bucket", le=le) for le in ("0.05", "0.25", "0.5", "15", "+Inf")}
    assert buckets == {"0.05": 2, "0.25": 2, "0.5": 4, "15": 4, "+Inf": 6}
    assert get_value(series, f"{name}_count") == 6
    assert get_value(series, f"{name}_sum") == pytest.approx(31.1)
    waits = "slipway_commit_to_first_attempt_seconds"
    assert (get_value(series, f"{waits}_count"), get_value(series, f"{waits}_bucket", le="0.25")) == (2, 2)


def test_every_attempt_of_a_worker_is_counted(
    client: FlaskClient, app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver([500]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        deliver_all(app)
        make_due()
        deliver_all(app)
    series = scrape(client)
    assert get_value(series, "slipway_attempts_total", outcome="failed", reason="http_status") == 1
    assert get_value(series, "slipway_attempts_total", outcome="success", reason="none") == 1
    assert get_value(series, "slipway_attempt_duration_seconds_count") == 2
    # Only the first attempt tells how long a delivery waits after its commit.
    assert get_value(series, "slipway_commit_to_first_attempt_seconds_count") == 1


def test_in_an_outage_of_the_queue_the_counters_are_left_out_and_nothing_is_lost(
    client: FlaskClient, queue_server: ValkeyServer
) -> None:
    measures = Measures(queue_server.url)
    measures.count([Measurement("success", None, 1.0)])
    queue_server.stop()
    measures.count([Measurement("success", None, 1.0)])
    series = scrape(client)
    assert get_value(series, "slipway_queue_reachable") == 0
    # Zero would look as if they had begun anew.
    assert not [name for name, _ in series if name.startswith("slipway_attempt")]
    assert get_value(series, "slipway_deliveries", state="pending") == 0

    queue_server.start()
    measures._broken_until = 0.0
    measures.count([])
    assert get_value(scrape(client), "slipway_attempts_total", outcome="success", reason="none") == 2


def test_while_the_queue_is_away_counting_does_not_try_again_and_again(
    queue_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    measures = Measures(queue_server.url)
    queue_server.stop()
    measures.count([Measurement("success", None, 1.0)])
    # Whoever asked for a connection now would fail.
    monkeypatch.setattr(measures, "_redis", None)
    measures.count([Measurement("success", None, 1.0)])
    assert measures._unsent["attempts:success:none"] == 2


@pytest.mark.parametrize("damage", ["other type", "other values", "flushed"])
def test_whatever_becomes_of_the_counts_in_valkey_nobody_fails(
    client: FlaskClient, queue_server: ValkeyServer, damage: str
) -> None:
    redis = connect(queue_server.url)
    measures = Measures(queue_server.url)
    measures.count([Measurement("success", None, 1.0)])
    if damage == "other type":
        redis.set("slipway:measures", b"\xff")
    elif damage == "other values":
        redis.hset("slipway:measures", mapping={"attempts:success:none": "-1", "duration:0": "9" * 5000, b"\xff": "1"})
    else:
        redis.flushall()
    measures.count([Measurement("failed", "timeout", 1.0)])
    series = scrape(client)
    if damage == "flushed":
        assert get_value(series, "slipway_attempts_total", outcome="failed", reason="timeout") == 1
    assert get_value(series, "slipway_attempts_total", outcome="success", reason="none") is None


def test_without_a_database_the_metrics_say_so(
    build_app: Callable[..., Flask], tmp_path: Path, queue_server: ValkeyServer
) -> None:
    queue_server.start()
    app = build_app(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:9/nothing", DATA_DIR=str(tmp_path))
    series = scrape(app.test_client())
    assert get_value(series, "slipway_database_reachable") == 0
    assert get_value(series, "slipway_queue_reachable") == 1
    assert not [name for name, _ in series if name.startswith("slipway_deliveries")]


def test_many_readers_ask_the_database_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Session] = []

    def count(session: Session) -> Gauges:
        asked.append(session)
        return read_gauges(session)

    monkeypatch.setattr("app.metrics.read_gauges", count)
    monkeypatch.setattr(metrics, "CACHE_SECONDS", 60.0)
    monkeypatch.setitem(client.application.extensions, "slipway_gauges", metrics._Cache())
    assert scrape(client) == scrape(client)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (None, 401),
        ("Bearer", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer größer", 401),
    ],
)
def test_with_a_token_set_nobody_reads_without_it(
    build_app: Callable[..., Flask], authorization: str | None, status: int
) -> None:
    client = build_app(METRICS_TOKEN=TOKEN).test_client()
    headers = {"Authorization": authorization} if authorization else {}
    # Where it comes from does not matter then.
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert answer.status_code == status
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert ("slipway_" in answer.text) == (status == 200)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.9.9.9", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 404),
        ("10.0.0.1", {}, 404),
        ("::ffff:203.0.113.9", {}, 404),
        ("", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": ""}, 404),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 404),
    ],
)
def test_without_a_token_only_this_machine_reads(
    client: FlaskClient, address: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    assert ("slipway_" in answer.text) == (status == 200)


def test_behind_a_trusted_proxy_its_own_address_opens_nothing(build_app: Callable[..., Flask]) -> None:
    client = build_app(FORWARDED_ALLOW_IPS="127.0.0.1").test_client()
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
