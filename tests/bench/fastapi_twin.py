"""A create as FastAPI's tutorial has it: dependencies for session and token, models for what is sent and answered.

Once with functions that the framework runs in threads, which is what the tutorial shows for databases, and once with
coroutines and SQLAlchemy's asynchronous session.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc.errors import JoseError
from pydantic import BaseModel
from sqlalchemy import create_engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tests.bench import twins

app = FastAPI()
bearer = HTTPBearer()
key = twins.load_key()
queue = twins.connect_queue()
engine = create_engine(os.environ["DATABASE_URL"], pool_size=8)
async_engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=8)


class ReleaseOut(BaseModel):
    """What is answered."""

    id: str
    createdAt: str  # noqa: N815 - the wire's name
    name: str
    channel: str
    version: str
    platforms: list[str]
    notes: str
    published: bool
    private: bool
    productId: str  # noqa: N815
    tenantId: str  # noqa: N815


def get_session() -> Iterator[Session]:
    """Gives a session for one request."""
    with Session(engine) as session:
        yield session


async def get_async_session() -> AsyncIterator[AsyncSession]:
    """Gives a session for one request."""
    async with AsyncSession(async_engine) as session:
        yield session


def read_token_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """Gives the id of the token that was sent."""
    try:
        return twins.read_token_id(key, credentials.credentials)
    except (JoseError, ValueError):
        raise HTTPException(401, "The token is not valid.") from None


def select_token(token_id: str) -> Any:
    """Gives the query for a token that is in force."""
    return select(twins.Token).where(twins.Token.id == token_id, twins.Token.is_revoked.is_(False))


def check_token(token: twins.Token | None) -> twins.Token:
    """Raises HTTPException unless the token is there and may create releases."""
    if token is None:
        raise HTTPException(401, "The token is not valid.")
    if twins.SCOPE not in token.scopes:
        raise HTTPException(403, "The token may not do this.")
    return token


def check_product(product: twins.Product | None, token: twins.Token) -> None:
    """Raises HTTPException unless the product is the tenant's."""
    if product is None or product.tenant_id != token.tenant_id:
        raise HTTPException(400, "There is no such product.")


def create_release(
    sent: twins.ReleaseIn,
    token_id: Annotated[str, Depends(read_token_id)],
    session: Annotated[Session, Depends(get_session)],
) -> dict[str, Any]:
    """Creates a release, in a thread."""
    token = check_token(session.scalar(select_token(token_id)))
    check_product(session.get(twins.Product, sent.productId), token)
    webhooks = list(session.scalars(twins.select_webhooks(token.tenant_id)))
    release, rows, owed = twins.build_rows(token, sent, webhooks)
    answer, owed_ids = twins.describe(release), [delivery.id for delivery in owed]
    session.add_all(rows)
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409, "This release exists.") from None
    for delivery_id in owed_ids:
        queue.enqueue(twins.deliver, delivery_id)
    return answer


async def create_release_async(
    sent: twins.ReleaseIn,
    token_id: Annotated[str, Depends(read_token_id)],
    session: Annotated[AsyncSession, Depends(get_async_session)],
) -> dict[str, Any]:
    """Creates a release, in a coroutine; RQ's client knows none."""
    token = check_token(await session.scalar(select_token(token_id)))
    check_product(await session.get(twins.Product, sent.productId), token)
    webhooks = list(await session.scalars(twins.select_webhooks(token.tenant_id)))
    release, rows, owed = twins.build_rows(token, sent, webhooks)
    answer, owed_ids = twins.describe(release), [delivery.id for delivery in owed]
    session.add_all(rows)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "This release exists.") from None
    for delivery_id in owed_ids:
        await run_in_threadpool(queue.enqueue, twins.deliver, delivery_id)
    return answer


app.post("/v3/releases", status_code=201, response_model=ReleaseOut)(create_release)
app.post("/async/releases", status_code=201, response_model=ReleaseOut)(create_release_async)
