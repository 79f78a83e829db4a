"""Which jobs of CI are meant by a publisher, and whether one that has proved who it is is one of them. Pure.

A claim is compared as its issuer means it: GitHub and GitLab tell no two repositories apart by the case of letters.
Letters beyond ASCII are compared as they are, because some of them become ASCII ones in lower case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

GITHUB: Final = "github"
GITLAB: Final = "gitlab"
OTHER: Final = "other"
KINDS: Final = (GITHUB, GITLAB, OTHER)
GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER: Final = "https://gitlab.com"
LABEL_LIMIT: Final = 254
_SHOWN_LENGTH = 200
# An issuer that signs more claims than this has none of those by which one is found behind them.
_CLAIM_LIMIT = 100

# By kind: the claim that names who owns the repository by an id that never changes hands, and the claims that say which
# run of the job it is, under the names by which the audit log tells of them.
_OWNER_CLAIMS: Final[Mapping[str, str]] = {GITHUB: "repository_owner_id", GITLAB: "namespace_id"}
_RUN_CLAIMS: Final[Mapping[str, Mapping[str, str]]] = {
    GITHUB: {
        "repository": "repository",
        "workflow": "job_workflow_ref",
        "environment": "environment",
        "ref": "ref",
        "sha": "sha",
        "runId": "run_id",
        "runAttempt": "run_attempt",
        "startedBy": "actor",
    },
    GITLAB: {
        "repository": "project_path",
        "workflow": "ci_config_ref_uri",
        "environment": "environment",
        "ref": "ref",
        "sha": "sha",
        "runId": "pipeline_id",
        "jobId": "job_id",
        "startedBy": "user_login",
    },
    OTHER: {"subject": "sub"},
}


def find_owner_id(kind: str, claims: Mapping[str, Any]) -> str:
    """Gives who owns the repository of a job, by an id; no text where the issuer does not say."""
    return read_text(claims, _OWNER_CLAIMS[kind]) if kind in _OWNER_CLAIMS else ""


def find_mismatches(
    kind: str, issuer: str, members: Mapping[str, Any], owner_id: str, claims: Mapping[str, Any]
) -> list[str]:
    """Takes what a publisher is, and the claims of a job; gives the names of the claims that are not as they must be.

    None is the job's way in. ``owner_id`` may be empty: then nobody knows yet who the owner is.
    """
    found = list(_RULES[kind](issuer, members, claims))
    if owner_id and find_owner_id(kind, claims) != owner_id:
        found.append(_OWNER_CLAIMS[kind])
    return found


def build_lookup(kind: str, members: Mapping[str, Any]) -> bytes:
    """Gives the hash by which a publisher is found: of the one claim that all its jobs have in common."""
    if kind == GITHUB:
        return _hash(kind, "repository", members["repository"].lower())
    if kind == GITLAB:
        return _hash(kind, "project_path", members["projectPath"].lower())
    wanted: Mapping[str, str] = members["claims"]
    name = "sub" if "sub" in wanted else min(wanted)
    return _hash(kind, name, wanted[name])


def list_lookups(claims: Mapping[str, Any]) -> list[bytes]:
    """Gives the hashes of all publishers that a job with these claims may be one of."""
    found = [
        _hash(kind, name, read_text(claims, name).lower())
        for kind, name in ((GITHUB, "repository"), (GITLAB, "project_path"))
        if read_text(claims, name).isascii()
    ]
    names = list(claims)[:_CLAIM_LIMIT]
    return [*found, *(_hash(OTHER, name, text) for name in names if (text := spell(claims[name])) is not None)]


def build_digest(kind: str, issuer: str, members: Mapping[str, Any]) -> bytes:
    """Gives the hash by which two publishers are seen to be the same."""
    compared = {
        name: value.lower() if name in ("repository", "projectPath") else value for name, value in members.items()
    }
    if kind == GITHUB:
        compared["environment"] = _fold(compared["environment"])
    return _hash(kind, issuer, json.dumps(compared, sort_keys=True))


def build_label(kind: str, issuer: str, members: Mapping[str, Any]) -> str:
    """Gives the name by which the audit log knows a publisher: in lower case, as it looks for those who acted."""
    parts = list_parts(kind, members)
    return " ".join([*parts, *([issuer] if kind == OTHER else [])]).lower()[:LABEL_LIMIT]


def list_parts(kind: str, members: Mapping[str, Any]) -> list[str]:
    """Gives what people know a publisher by, the most important first."""
    if kind == GITHUB:
        parts = [members["repository"], members["workflow"], members["environment"]]
    elif kind == GITLAB:
        parts = [members["projectPath"], members["configPath"], members["ref"], members["environment"]]
    else:
        claims = sorted(members["claims"].items(), key=lambda claim: (claim[0] != "sub", claim))
        parts = [f"{name}={value}" for name, value in claims]
    return [part for part in parts if part]


def describe_run(kind: str, issuer: str, claims: Mapping[str, Any]) -> dict[str, str]:
    """Takes the claims of a job; gives which run of it that is, for the audit log."""
    run = {name: clean(text) for name, claim in _RUN_CLAIMS[kind].items() if (text := spell(claims.get(claim)))}
    if kind == OTHER:
        run["issuer"] = issuer
    return run


def clean(text: str) -> str:
    """Takes what an issuer has signed; gives what can be shown and stored of it."""
    shown = text[:_SHOWN_LENGTH].encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)


def spell(value: object) -> str | None:
    """Takes the value of a claim; gives it as text, None for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def read_text(claims: Mapping[str, Any], name: str) -> str:
    """Gives a claim that ought to be text; none where it is anything else."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _check_github(_issuer: str, members: Mapping[str, Any], claims: Mapping[str, Any]) -> Iterator[str]:
    repository = read_text(claims, "repository")
    if not _is_same_path(repository, members["repository"]):
        yield "repository"
    # The file whose steps run. A workflow that another repository lends is of that repository, and so not trusted.
    # ``workflow`` would be the name that is written in the file, by whoever wrote it.
    name = "job_workflow_ref" if "job_workflow_ref" in claims else "workflow_ref"
    file = f"{repository}/.github/workflows/", members["workflow"]
    if not _is_file(read_text(claims, name), file, [read_text(claims, "ref"), read_text(claims, "sha")]):
        yield name
    environment = members["environment"]
    if environment and _fold(read_text(claims, "environment")) != _fold(environment):
        yield "environment"


def _check_gitlab(issuer: str, members: Mapping[str, Any], claims: Mapping[str, Any]) -> Iterator[str]:
    project = read_text(claims, "project_path")
    if not _is_same_path(project, members["projectPath"]):
        yield "project_path"
    file = f"{issuer.partition('://')[2].rstrip('/')}/{project}//", members["configPath"]
    refs = [read_text(claims, "ref_path"), read_text(claims, "sha")]
    if not _is_file(read_text(claims, "ci_config_ref_uri"), file, refs):
        yield "ci_config_ref_uri"
    for member, claim in (("ref", "ref"), ("environment", "environment")):
        if members[member] and read_text(claims, claim) != members[member]:
            yield claim
    if members["protectedOnly"] and spell(claims.get("ref_protected")) != "true":
        yield "ref_protected"


def _check_other(_issuer: str, members: Mapping[str, Any], claims: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members["claims"].items():
        if spell(claims.get(name)) != value:
            yield name


_RULES: Final[Mapping[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], Iterator[str]]]] = {
    GITHUB: _check_github,
    GITLAB: _check_gitlab,
    OTHER: _check_other,
}


def _is_same_path(claimed: str, trusted: str) -> bool:
    return claimed.isascii() and claimed.lower() == trusted.lower()


def _is_file(claimed: str, file: tuple[str, str], refs: list[str]) -> bool:
    """Whether a claim names this file, whose folder is written in any case, at one of the refs of the same token."""
    folder, name = file
    start, rest = claimed[: len(folder)], claimed[len(folder) :]
    return _is_same_path(start, folder) and any(rest == f"{name}@{ref}" for ref in refs if ref)


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else text


def _hash(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()
