"""What is said of accounts, roles and access tokens."""

from __future__ import annotations

from typing import Final

from app.accounts.login_schema import LoginSchema
from app.openapi.description import FLAG, TEXT, TIME, Answer, Operation, Parameter, list_of, refer
from app.openapi.parameters import IDEMPOTENCY_KEY, IF_MATCH, STRICT, TRIAL, list_parameters
from app.openapi.products import answer_change, answer_creation
from app.tokens.api_schema import TokenChangeSchema, TokenSchema

ACCOUNTS: Final[dict[str, Operation]] = {
    "accounts_api.log_in": Operation(
        tag="Account",
        is_public=True,
        body=LoginSchema,
        parameters=(STRICT,),
        answers={200: Answer("An access token that is good for an hour.", refer("Login"))},
        example={"email": "ada@example.com", "password": "correct horse battery staple"},
    ),
    "accounts_api.show_caller": Operation(tag="Account", answers={200: Answer("The caller.", refer("Caller"))}),
    "accounts_api.list_roles": Operation(
        tag="Account",
        summary="Lists the roles that users of an organisation may have.",
        parameters=list_parameters({}),
        answers={200: Answer("Roles.", list_of(refer("Role")))},
    ),
    "accounts_api.list_claims": Operation(
        tag="Account",
        summary="Lists the scopes by what they are about.",
        answers={200: Answer("Scopes.", {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}})},
    ),
    "tokens_api.create_token": Operation(
        tag="Access tokens",
        body=TokenSchema,
        parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
        answers=answer_creation("NewAccessToken"),
        refusals=(409, 422),
        example={"name": "CI", "scopes": ["release:read", "release:write"]},
    ),
    "tokens_api.list_tokens": Operation(
        tag="Access tokens",
        summary="Lists the caller's access tokens.",
        answers={200: Answer("Access tokens, without the tokens themselves.", list_of(refer("AccessToken")))},
        parameters=(
            Parameter("owner", "`all` lists everybody's, for whoever manages users.", TEXT),
            *list_parameters({"name": TEXT, "revoked": FLAG, "expiresAt": TIME, "createdAt": TIME, "updatedAt": TIME}),
        ),
    ),
    "tokens_api.get_token": Operation(
        tag="Access tokens", answers={200: Answer("The access token, without the token itself.", refer("AccessToken"))}
    ),
    "tokens_api.update_token": Operation(
        tag="Access tokens",
        body=TokenChangeSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers=answer_change("AccessToken"),
        refusals=(409, 412),
    ),
    "tokens_api.delete_token": Operation(
        tag="Access tokens",
        parameters=(IF_MATCH,),
        answers={204: Answer("It is refused from now on.")},
        refusals=(412,),
    ),
}
