"""Endpoints in requests and answers: their shape, for the OpenAPI document and for what is unknown.

What a field may contain is for the domain to check (`pipeline/domain/endpoint_document.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from pipeline.api import endpoint_schemas as schemas
from pipeline.api.endpoint_schemas import loosened, or_null
from pipeline.domain.circuit import MAX_IN_FLIGHT
from pipeline.domain.mail_address import MAX_ADDRESS_CHARS
from pipeline.domain.notes_document import MAX_DESCRIPTION_CHARS
from pipeline.domain.urls import MAX_URL_CHARACTERS

STRICT: Final = ConfigDict(extra="forbid", strict=True)

_URL: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_URL_CHARACTERS,
    "description": "Where events are posted to. Required unless `email` is given.",
    "examples": ["https://hooks.example.com/orders"],
}
_EMAIL: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 3,
    "maxLength": MAX_ADDRESS_CHARS,
    "description": "Send the body there as an attachment instead, and never to the URL.",
    "examples": ["orders@example.com"],
}
_METADATA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "examples": [{"team": "sales"}],
}
_METADATA_PATCH: Final[dict[str, Any]] = {
    **_METADATA,
    "additionalProperties": {"type": ["string", "null"]},
}
_HEADERS_PATCH: Final[dict[str, Any]] = {
    **schemas.HEADERS,
    "additionalProperties": {"type": ["string", "null"]},
}
_CHOSEN_ID: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]{1,64}$",
    "description": "Made where it is left out. No id is used twice, of removed ones neither.",
    "examples": ["shop-orders"],
}

_Object = dict[str, JsonValue] | None
_Texts = list[str] | None

Id = Annotated[str | None, WithJsonSchema(or_null(_CHOSEN_ID))]
Url = Annotated[str | None, WithJsonSchema(or_null(_URL))]
Email = Annotated[str | None, WithJsonSchema(or_null(_EMAIL))]
Description = Annotated[
    str | None, WithJsonSchema({"type": ["string", "null"], "maxLength": MAX_DESCRIPTION_CHARS})
]
Metadata = Annotated[_Object, WithJsonSchema(or_null(_METADATA))]
EventTypes = Annotated[_Texts, WithJsonSchema(or_null(schemas.EVENT_TYPES))]
Filter = Annotated[_Object, WithJsonSchema(or_null(schemas.FILTER))]
Body = Annotated[_Object, WithJsonSchema(or_null(schemas.BODY))]
Auth = Annotated[_Object, WithJsonSchema(or_null(schemas.AUTH))]
Headers = Annotated[_Object, WithJsonSchema(or_null(schemas.HEADERS))]
Retry = Annotated[_Object, WithJsonSchema(or_null(schemas.RETRY))]
RateLimit = Annotated[_Object, WithJsonSchema(or_null(schemas.RATE_LIMIT))]
Timeout = Annotated[
    str | None, WithJsonSchema(or_null(schemas.DURATION, description="Of a whole request, 1s-60s."))
]
InFlight = Annotated[
    int | None,
    WithJsonSchema(or_null({"type": "integer", "minimum": 1, "maximum": MAX_IN_FLIGHT})),
]
Order = Annotated[str | None, WithJsonSchema({"enum": ["none", "strict", None]})]
OnInactive = Annotated[str | None, WithJsonSchema({"enum": ["keep", "drop", None]})]
Secret = Annotated[
    str | None,
    Field(repr=False),
    WithJsonSchema({"type": ["string", "null"], "minLength": 1, "maxLength": 256}),
]

_Part = Annotated[_Object, WithJsonSchema(loosened({}))]

_AN_ENDPOINT: Final[dict[str, JsonValue]] = {
    "id": "shop-orders",
    "url": "https://hooks.example.com/orders",
    "event_types": ["order.*"],
    "filter": {"data.amount": {"$gte": 100}},
}


class EndpointInput(BaseModel):
    """A new endpoint. What is left out, or null, has its default."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_AN_ENDPOINT]}
    )

    id: Id = None
    url: Url = None
    email: Email = None
    description: Description = None
    metadata: Metadata = None
    profile: str | None = Field(default=None, description="The account's where it is left out.")
    active: bool | None = None
    event_types: EventTypes = None
    filter: Filter = None
    body: Body = None
    auth: Auth = None
    headers: Headers = None
    secret: Secret = None
    signing: _Texts = Field(
        default=None, description="Schemes; the profile's where it is left out.", examples=[["v1"]]
    )
    signing_key: Secret = None
    retry: Retry = None
    order: Order = None
    timeout: Timeout = None
    max_in_flight: InFlight = None
    rate_limit: RateLimit = None
    on_inactive: OnInactive = None


class EndpointPatch(BaseModel):
    """What changes of an endpoint (RFC 7396): null gives a field its default back.

    What is secret stays as it is unless it is given. Objects are merged member by member; where
    `auth`, `body` or `retry` names another form, that one replaces the present one.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"filter": None, "metadata": {"team": "sales"}}]},
    )

    url: Url = None
    email: Email = None
    description: Description = None
    metadata: Annotated[_Object, WithJsonSchema(or_null(_METADATA_PATCH))] = None
    profile: str | None = None
    active: bool | None = None
    event_types: EventTypes = None
    filter: Annotated[_Object, WithJsonSchema(loosened(schemas.FILTER))] = None
    body: _Part = None
    auth: _Part = None
    headers: Annotated[_Object, WithJsonSchema(or_null(_HEADERS_PATCH))] = None
    secret: Secret = None
    signing: _Texts = None
    signing_key: Secret = None
    retry: _Part = None
    order: Order = None
    timeout: Timeout = None
    max_in_flight: InFlight = None
    rate_limit: _Part = None
    on_inactive: OnInactive = None


class EndpointAnswer(BaseModel):
    """An endpoint: what its owner set (null: the default), and what is decided for it."""

    model_config = ConfigDict(title="Endpoint")

    account: str = Field(examples=["acme"])
    id: str = Field(examples=["shop-orders"])
    url: str | None
    email: str | None
    description: str
    metadata: dict[str, str]
    profile: str = Field(examples=["standard-webhooks"])
    active: bool
    event_types: list[str]
    filter: dict[str, JsonValue] | None
    body: dict[str, JsonValue] | None
    auth: dict[str, JsonValue] | None = Field(description="What is secret of it is `***`.")
    headers: dict[str, str]
    signing: list[str] | None
    retry: dict[str, JsonValue] | None
    order: str
    timeout: str | None
    max_in_flight: int
    rate_limit: dict[str, JsonValue] | None
    on_inactive: str
    public_key: str | None = Field(description="What receivers verify `v1a` with.")
    status: str = Field(description="`active`, `inactive` or `pending`.", examples=["active"])
    status_reason: str | None
    status_since: str = Field(examples=["2026-03-02T11:00:00Z"])
    created_at: str
    updated_at: str
    topic: str = Field(examples=["webhooks.delivery.shop-orders"])
    secret: str | None = Field(
        default=None,
        repr=False,
        description="In the answers to the creation and to rotate-secret alone.",
    )


class EndpointList(BaseModel):
    """A piece of an account's endpoints, in the order of their ids."""

    items: list[EndpointAnswer]
    next: str | None = Field(description="The `cursor` of the next piece; null at the end.")


class Activation(BaseModel):
    """What becomes of the deliveries that wait."""

    model_config = STRICT

    waiting: Annotated[str | None, WithJsonSchema({"enum": ["send", "drop", None]})] = Field(
        default=None, description="As `on_inactive` says where it is left out."
    )


class Deactivation(BaseModel):
    """Why."""

    model_config = STRICT

    reason: str | None = Field(default=None, examples=["moving house until Monday"])


class Rotation(BaseModel):
    """The new secret, and how long the replaced one signs beside it."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"overlap": "48h"}]}
    )

    secret: Secret = None
    overlap: Annotated[
        str | None,
        WithJsonSchema(or_null(schemas.DURATION, description="24h where it is left out.")),
    ] = None


class SampleRequest(BaseModel):
    """What the endpoint is sent; the profile's own sample where it is left out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"type": "order.created", "data": {"id": 7}}]},
    )

    type: str | None = None
    data: JsonValue = None


class AcceptedDelivery(BaseModel):
    """The delivery that was made."""

    id: str = Field(examples=["dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"])
