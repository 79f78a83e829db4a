"""What the schemas of all features share: Pydantic in strict mode, its errors in Slipway's words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from app.exceptions import FieldError, ValidationError
from app.language import say
from app.text import find_line_error

S = TypeVar("S", bound="Schema")

# What a wrong JSON type is called, by Pydantic's word for the error.
_TYPE_RULES = {
    "string_type": say("must be a string."),
    "string_unicode": say("must not contain half of a surrogate pair (U+D800 to U+DFFF)."),
    "bool_type": say("must be true or false."),
    "list_type": say("must be an array of strings."),
    "int_type": say("must be a whole number."),
}


class Schema(BaseModel):
    """The base of what is sent: nothing is coerced, and what is unknown is left out."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def refuse(code: str, rule: str) -> PydanticCustomError:
    """Gives the exception for a broken rule; the rule is the end of a sentence that begins with the field's label."""
    return PydanticCustomError(code, "{rule}", {"rule": rule})


def refuse_all(rules: Iterable[tuple[str, str]]) -> PydanticError:
    """Gives the exception for several broken rules of one field, each as ``refuse`` takes it."""
    return PydanticError.from_exception_data("rules", [{"type": refuse(*rule), "input": None} for rule in rules])


def check_range(lowest: int, highest: int, hint: str = "") -> Callable[[int], int]:
    """Gives a validator of whole numbers; the hint is what the message adds to the two bounds."""

    def check(value: int) -> int:
        if not lowest <= value <= highest:
            raise refuse(
                "out_of_range",
                say("must be between {lowest} and {highest}{hint}.", lowest=lowest, highest=highest, hint=hint),
            )
        return value

    return check


def check_line(limit: int) -> Callable[[str], str]:
    """Gives a validator of one-line text with 1 to ``limit`` code points."""

    def check(value: str) -> str:
        if not value:
            raise refuse("required", say("is required."))
        if len(value) > limit:
            raise refuse(
                "too_long", say("must have at most {limit} characters; it has {count}.", limit=limit, count=len(value))
            )
        if error := find_line_error(value):
            raise refuse(*error)
        return value

    return check


# No control characters and no line breaks; ``check_line`` says exactly what a line may hold.
LINE_PATTERN = r"^[^\u0000-\u001F\u007F-\u009F\u2028\u2029]+$"
Line = Annotated[
    str,
    AfterValidator(check_line(256)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 256, "pattern": LINE_PATTERN}),
]
TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})


def validate(schema: type[S], raw: Mapping[str, Any], labels: Mapping[str, str]) -> S:
    """Takes what was sent and the label of each field; gives the schema's object.

    ``null`` means that a member was not given. Raises ValidationError with every broken rule, in the fields' order.
    """
    given = {key: value for key, value in raw.items() if value is not None}
    try:
        return schema.model_validate(given)
    except PydanticError as error:
        raise ValidationError(_describe(item, labels) for item in error.errors(include_url=False)) from None


def describe_unknown(name: str) -> FieldError:
    """Gives the error of a member that is not known, where that is one."""
    # The name may hold anything, half a surrogate pair included; the answer must still be text.
    shown = name[:64].encode("utf-8", "replace").decode("utf-8")
    return FieldError(shown, "unknown_field", say("There is no field {name}.", name=shown))


def _describe(item: Any, labels: Mapping[str, str]) -> FieldError:
    field, *rest = item["loc"]
    label = labels[field]
    for index in rest:
        if isinstance(index, int):
            label = say("{label} [{index}]", label=label, index=index)
    kind = item["type"]
    if kind == "missing":
        return FieldError(field, "required", say("{label} {rule}", label=label, rule=say("is required.")))
    if rule := _TYPE_RULES.get(kind):
        return FieldError(field, "wrong_type", say("{label} {rule}", label=label, rule=rule))
    return FieldError(field, kind, complete_rule(label, item["ctx"]["rule"]))


def complete_rule(label: str, rule: str) -> str:
    """Takes a field's label and a broken rule; gives the sentence. A rule that names the field itself is one."""
    return rule if rule.startswith(f"{label} ") else say("{label} {rule}", label=label, rule=rule)


def list_members(schema: type[Schema]) -> set[str]:
    """Gives the members of a schema by the wire's names."""
    return {field.alias or name for name, field in schema.model_fields.items()}


def find_unknown(schema: type[Schema], raw: Mapping[str, Any]) -> list[str]:
    """Takes a schema and the members that were sent; gives the names of those that it does not have.

    ``null`` says nothing, under whatever name.
    """
    known = list_members(schema)
    return [name for name, value in raw.items() if name not in known and value is not None]


def parse_members(schema: type[S], raw: Mapping[str, Any], labels: Mapping[str, str], refused: Iterable[str] = ()) -> S:
    """Takes what was sent, and the unknown members that are refused; gives the schema's object.

    Raises ValidationError with every broken rule, those members last.
    """
    errors = [describe_unknown(name) for name in refused]
    try:
        sent = validate(schema, {name: value for name, value in raw.items() if name in list_members(schema)}, labels)
    except ValidationError as error:
        raise ValidationError([*error.errors, *errors]) from None
    if errors:
        raise ValidationError(errors)
    return sent


def describe_ignored(name: str) -> str:
    """Gives what a trial says of a member that is not known."""
    return f"{describe_unknown(name).message} It is ignored."
