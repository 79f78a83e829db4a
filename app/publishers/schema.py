"""The validation of trusted publishers, and of the request that swaps an identity token. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema

from app.exceptions import FieldError, ValidationError
from app.language import say
from app.publishers.kinds import GITHUB, GITHUB_ISSUER, GITLAB, GITLAB_ISSUER, KINDS, OTHER
from app.schemas import Line, Schema, check_line, find_unknown, parse_members, refuse
from app.text import find_line_error

CLAIMS_LIMIT: Final = 10
CLAIM_NAME_LIMIT: Final = 128
CLAIM_VALUE_LIMIT: Final = 512
TOKEN_LIMIT: Final = 16_384
DEFAULT_CONFIG_PATH: Final = ".gitlab-ci.yml"
# They say nothing of a job but that its token is good, which is looked at in any case.
REGISTERED_CLAIMS: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "nonce"})

LABELS: Final = {
    "kind": say("Kind"),
    "issuer": say("Issuer"),
    "repository": say("Repository"),
    "workflow": say("Workflow"),
    "environment": say("Environment"),
    "ownerId": say("Owner id"),
    "projectPath": say("Project"),
    "configPath": say("Configuration file"),
    "ref": say("Branch or tag"),
    "protectedOnly": say("Protected branches and tags only"),
    "claims": say("Claims"),
    "token": say("Token"),
    "productId": say("Product"),
    "productName": say("Product"),
}

_REPOSITORY = re.compile(r"[A-Za-z0-9_-]{1,39}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+\Z")
_OWNER_ID = re.compile(r"[0-9]{1,20}\Z")
_YAML = (".yml", ".yaml")


def _check_repository(value: str) -> str:
    if not _REPOSITORY.match(value):
        raise refuse("invalid_repository", say("must look like owner/name, as in the address of the repository."))
    return value


def _check_project(value: str) -> str:
    if not _PROJECT.match(value):
        raise refuse("invalid_project", say("must look like group/project, as in the address of the project."))
    return value


def _check_workflow(value: str) -> str:
    if "/" in value or not value.endswith(_YAML) or value in _YAML:
        raise refuse("invalid_workflow", say("must be the name of a file in .github/workflows, such as release.yml."))
    return value


def _check_config_path(value: str) -> str:
    if value.startswith("/") or not value.endswith(_YAML) or "//" in value:
        raise refuse("invalid_path", say("must be the path of a file in the repository, such as .gitlab-ci.yml."))
    return value


def _check_optional_line(value: str) -> str:
    return check_line(255)(value) if value else value


def _check_owner_id(value: str) -> str:
    if value and not _OWNER_ID.match(value):
        raise refuse("invalid_owner_id", say("must be a number, as the platform gives it to each owner."))
    return value


def _check_claims(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise refuse("wrong_type", say("must be an object of strings."))
    if not 1 <= len(value) <= CLAIMS_LIMIT:
        raise refuse("out_of_range", say("must be 1 to {limit} claims.", limit=CLAIMS_LIMIT))
    for name, text in value.items():
        _check_claim(name, text)
    return value


def _check_claim(name: str, text: str) -> None:
    if not name or len(name) > CLAIM_NAME_LIMIT or find_line_error(name):
        raise refuse(
            "invalid_claim", say("must have names of 1 to {limit} characters that can be seen.", limit=CLAIM_NAME_LIMIT)
        )
    if name in REGISTERED_CLAIMS:
        raise refuse(
            "registered_claim", say("must not hold {name}: every token has one, and it is checked anyway.", name=name)
        )
    if not text or len(text) > CLAIM_VALUE_LIMIT or find_line_error(text):
        raise refuse(
            "invalid_claim",
            say(
                "must have a value of 1 to {limit} characters for {name}, without line breaks.",
                limit=CLAIM_VALUE_LIMIT,
                name=name,
            ),
        )


def _check_token(value: str) -> str:
    if len(value) > TOKEN_LIMIT:
        raise refuse("too_long", say("must have at most {limit} characters.", limit=TOKEN_LIMIT))
    if not value:
        raise refuse("required", say("is required."))
    return value


OptionalLine = Annotated[str, AfterValidator(_check_optional_line)]
OwnerId = Annotated[str, AfterValidator(_check_owner_id)]
Issuer = Annotated[str, AfterValidator(check_line(512))]


class GitHubSchema(Schema):
    """A job of GitHub Actions."""

    kind: str
    issuer: Issuer = GITHUB_ISSUER
    repository: Annotated[str, AfterValidator(check_line(140)), AfterValidator(_check_repository)]
    workflow: Annotated[str, AfterValidator(check_line(255)), AfterValidator(_check_workflow)]
    environment: OptionalLine = ""
    ownerId: OwnerId = ""  # noqa: N815 - the wire's name


class GitLabSchema(Schema):
    """A job of GitLab CI/CD."""

    kind: str
    issuer: Issuer = GITLAB_ISSUER
    projectPath: Annotated[str, AfterValidator(check_line(255)), AfterValidator(_check_project)]  # noqa: N815
    configPath: Annotated[  # noqa: N815
        str, AfterValidator(check_line(255)), AfterValidator(_check_config_path)
    ] = DEFAULT_CONFIG_PATH
    ref: OptionalLine = ""
    environment: OptionalLine = ""
    protectedOnly: bool = False  # noqa: N815
    ownerId: OwnerId = ""  # noqa: N815


class OtherSchema(Schema):
    """A job of another issuer, known by any claims of its tokens."""

    kind: str
    issuer: Issuer
    claims: Annotated[
        Any,
        AfterValidator(_check_claims),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    ]


class MintSchema(Schema):
    """The members of ``POST /v3/oidc/mint-token``."""

    token: Annotated[str, AfterValidator(_check_token)]
    productId: Line | None = None  # noqa: N815
    productName: Line | None = None  # noqa: N815


SCHEMAS: Final[Mapping[str, type[Schema]]] = {GITHUB: GitHubSchema, GITLAB: GitLabSchema, OTHER: OtherSchema}
# Of these all the world has jobs: whoever names one claim of theirs, such as a branch, would trust strangers.
_OWN_KINDS: Final[Mapping[str, str]] = {GITHUB_ISSUER: GITHUB, GITLAB_ISSUER: GITLAB}


@dataclass(frozen=True, slots=True)
class PublisherDraft:
    """A publisher that is valid as far as one can tell from what was sent. ``members`` differ by ``kind``."""

    kind: str
    issuer: str
    members: Mapping[str, Any]
    owner_id: str = ""
    ignored_fields: tuple[str, ...] = field(default=(), compare=False)


def list_issuers(kind: str, listed: Collection[str]) -> list[str]:
    """Takes a kind, and the issuers that the operator has listed; gives those whose jobs can be of that kind."""
    return [issuer for issuer in listed if _OWN_KINDS.get(issuer, kind) == kind]


def parse_publisher(raw: Mapping[str, Any], listed: Sequence[str], *, is_strict: bool = False) -> PublisherDraft:
    """Takes the members that were sent, and the issuers that the operator has listed; gives a draft.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    kind = raw.get("kind")
    if kind not in KINDS:
        code, rule = ("required", say("is required.")) if kind is None else ("unknown_choice", _KIND_RULE)
        raise ValidationError([FieldError("kind", code, say("{label} {rule}", label=LABELS["kind"], rule=rule))])
    schema = SCHEMAS[kind]
    ignored = find_unknown(schema, raw)
    errors: list[FieldError] = []
    sent = None
    try:
        sent = parse_members(schema, raw, LABELS, ignored if is_strict else ())
    except ValidationError as error:
        errors = list(error.errors)
    issuer = sent.model_dump()["issuer"] if sent else raw.get("issuer")
    if isinstance(issuer, str) and issuer and issuer not in list_issuers(kind, listed):
        errors.append(_describe_issuer(kind, issuer))
    if errors or sent is None:
        raise ValidationError(errors)
    members = sent.model_dump()
    return PublisherDraft(
        kind=members.pop("kind"),
        issuer=members.pop("issuer"),
        owner_id=members.pop("ownerId", ""),
        members=members,
        ignored_fields=tuple(ignored),
    )


_KIND_RULE = say("must be github, gitlab or other.")


def _describe_issuer(kind: str, issuer: str) -> FieldError:
    if kind == OTHER and issuer in _OWN_KINDS:
        message = say("Issuer is that of {kind}: choose this kind, which knows its claims.", kind=_OWN_KINDS[issuer])
        return FieldError("issuer", "wrong_kind", message)
    return FieldError(
        "issuer", "unknown_issuer", say("Issuer must be one that the operator of this server has listed for this kind.")
    )


def parse_mint(raw: Mapping[str, Any]) -> MintSchema:
    """Takes the members that were sent; gives what is asked for. Raises ValidationError with every broken rule."""
    return parse_members(MintSchema, raw, LABELS)
