"""Fills a database with releases such as there may be after eight years, so many as are wanted, in a minute or two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from flask_migrate import upgrade
from psycopg import sql

from app import create_app
from tests.factories import Factory

PRODUCTS = 50
# Others whose rows lie between those that are measured.
NEIGHBOURS = 3
_NEIGHBOUR_SHARE = 50

# What a few releases alone have lies at the end of a list, where whoever looks through it comes last.
_FILL = """
INSERT INTO releases (id, tenant_id, product_id, name, version, version_key, channel, platforms, private, published,
  published_at, archived, is_historic, total_files, notes, created_at, updated_at)
SELECT gen_random_uuid(), %(tenant)s, (%(products)s::uuid[])[1 + i %% %(count)s],
  (array['Atlas','Beacon','Compass','Dynamo','Ember','Falcon','Granite','Harbor'])[1 + i %% 8]
    || CASE WHEN i >= %(size)s - 40 THEN ' Zephyr ' ELSE ' ' END
    || (array['Desktop','Server','Mobile','Agent','CLI'])[1 + i %% 5] || ' ' || version,
  version,
  decode(lpad(to_hex(k / 1000), 16, '0') || lpad(to_hex(k / 10 %% 100), 16, '0') || lpad(to_hex(k %% 10), 16, '0')
    || repeat('0', 16), 'hex'),
  CASE WHEN i >= %(size)s - 100 THEN 'lts' WHEN k %% 20 = 0 THEN 'beta' WHEN k %% 20 = 1 THEN 'nightly'
    WHEN k %% 20 = 2 THEN 'rc' ELSE 'stable' END,
  (CASE WHEN i >= %(size)s - 100 THEN '["solaris"]' WHEN kind < 5 THEN '["linux","windows","macos"]'
    WHEN kind < 7 THEN '["linux"]' WHEN kind = 7 THEN '["windows","windows-arm64"]' WHEN kind = 8 THEN '[]'
    ELSE '["android","ios"]' END)::json,
  i >= %(size)s - 2000 AND i %% 4 = 1, NOT is_draft, CASE WHEN NOT is_draft THEN created_at END,
  i < %(size)s / 30 AND i %% 3 = 0, false, 0,
  E'## Changes\\n' || repeat('- Change number ' || i || E' that somebody made\\n', 12), created_at, created_at
FROM (SELECT i, i / %(count)s AS k, (i + i / %(count)s / 7) %% 10 AS kind,
  (i / %(count)s / 1000) || '.' || (i / %(count)s / 10 %% 100) || '.' || (i / %(count)s %% 10) AS version,
  i >= %(size)s - %(size)s / 500 AS is_draft,
  timestamptz '2018-01-01Z' + i * (interval '8 years' / %(size)s) AS created_at
  FROM generate_series(0, %(size)s - 1) AS i) AS numbered
"""
_FILL_SLOTS = """
INSERT INTO release_slots (product_id, channel, platform, version_key, tenant_id, release_id)
SELECT product_id, channel, platform, version_key, tenant_id, id
FROM releases, LATERAL (SELECT value AS platform FROM json_array_elements_text(platforms)
  UNION ALL SELECT '' WHERE json_array_length(platforms) = 0) AS named
"""
_FIND_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('releases', 'release_slots')
AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass(frozen=True)
class World:
    """A database that is filled: whose releases are measured, and with what token."""

    environment: dict[str, str]
    token: str
    product_id: str


def fill(environment: dict[str, str], size: int) -> World:
    """Takes the environment of an empty database, and how many releases one organisation has; fills it."""
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owners = [make.organisation() for _ in range(1 + NEIGHBOURS)]
        products = [[make.product(owner).id for _ in range(PRODUCTS)] for owner in owners]
        token = make.caller(owners[0]).token
    url = environment["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '512MB'")
        # What refers to what is known to be in order.
        connection.execute("SET session_replication_role = replica")
        with _without_indexes(connection):
            for number, owner in enumerate(owners):
                rows = size if number == 0 else max(size // _NEIGHBOUR_SHARE, 1000)
                values = {"tenant": owner.tenant_id, "products": products[number], "count": PRODUCTS, "size": rows}
                connection.execute(_FILL, values)
            connection.execute(_FILL_SLOTS)
        connection.execute("VACUUM ANALYZE releases, release_slots")
        connection.execute("CHECKPOINT")
    return World(environment, token, products[0][7])


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    # To sort at the end is several times as fast as to keep in order.
    indexes = connection.execute(_FIND_INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in indexes:
        connection.execute(definition)
