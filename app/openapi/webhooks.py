"""What is said of webhooks, their deliveries and replays."""

from __future__ import annotations

from typing import Final

from app.openapi.description import FLAG, TEXT, TIME, WHOLE, Answer, Operation, Parameter, list_of, refer
from app.openapi.parameters import IDEMPOTENCY_KEY, IF_MATCH, STRICT, TRIAL, list_parameters
from app.replays.schema import ReplaySchema
from app.webhooks.schema import ActionSchema, RotationSchema, WebhookChangeSchema, WebhookSchema

_WEBHOOK: Final = Answer("The webhook as it is now.", refer("Webhook"))
_DELIVERY_FILTERS: Final = {
    "event": TEXT,
    "release": TEXT,
    "releaseId": TEXT,
    "state": TEXT,
    "createdAt": TIME,
    "since": TIME,
    "until": TIME,
}


def _build_action(answer: Answer = _WEBHOOK, status: int = 200, *refusals: int) -> Operation:
    return Operation(
        tag="Webhooks", body=ActionSchema, is_body_optional=True, answers={status: answer}, refusals=refusals or (409,)
    )


WEBHOOKS: Final[dict[str, Operation]] = {
    "webhooks_api.create_webhook": Operation(
        tag="Webhooks",
        body=WebhookSchema,
        parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
        answers={
            200: Answer(
                "The webhook was there before, or with `validateOnly=true`: this could be created.",
                {"anyOf": [refer("Webhook"), refer("Trial")]},
            ),
            201: Answer("The webhook was created.", refer("Webhook")),
        },
        refusals=(409, 422),
        example={"name": "Deploy bot", "url": "https://hooks.example.com/slipway", "events": ["release.published"]},
    ),
    "webhooks_api.list_webhooks": Operation(
        tag="Webhooks",
        summary="Lists webhooks.",
        answers={200: Answer("Webhooks.", list_of(refer("Webhook")))},
        parameters=list_parameters(
            {
                "name": TEXT,
                "url": TEXT,
                "active": FLAG,
                "scheme": TEXT,
                "createdAt": TIME,
                "updatedAt": TIME,
                "query": TEXT,
            }
        ),
    ),
    "webhooks_api.list_event_types": Operation(
        tag="Webhooks", answers={200: Answer("The event types.", refer("WebhookEvents"))}
    ),
    "webhooks_api.get_webhook": Operation(tag="Webhooks", answers={200: Answer("The webhook.", refer("Webhook"))}),
    "webhooks_api.update_webhook": Operation(
        tag="Webhooks",
        body=WebhookChangeSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers={
            200: Answer(
                "The webhook as it is now, or with `validateOnly=true`: it could be changed so.",
                {"anyOf": [refer("Webhook"), refer("Trial")]},
            )
        },
        refusals=(409, 412),
    ),
    "webhooks_api.delete_webhook": Operation(
        tag="Webhooks", parameters=(IF_MATCH,), answers={204: Answer("It is deleted.")}, refusals=(412,)
    ),
    "webhook_actions_api.send_test": _build_action(Answer("The test is on its way.", refer("TestDelivery")), 202),
    "webhook_actions_api.pause_webhook": _build_action(),
    "webhook_actions_api.resume_webhook": _build_action(),
    "webhook_actions_api.rotate_secret": Operation(
        tag="Webhooks", body=RotationSchema, is_body_optional=True, answers={200: _WEBHOOK}, refusals=(409,)
    ),
    "webhook_actions_api.cut_over": _build_action(),
    "webhook_actions_api.dismiss_notice": _build_action(Answer("Its health.", refer("WebhookHealth"))),
    "webhook_actions_api.show_health": Operation(
        tag="Webhooks", answers={200: Answer("Its health.", refer("WebhookHealth"))}
    ),
    "deliveries_api.list_event_logs": Operation(
        tag="Deliveries",
        summary="Lists the attempts of all deliveries.",
        answers={200: Answer("Attempts.", list_of(refer("WebhookEventLog")))},
        parameters=list_parameters(
            {"webhookId": TEXT, "deliveryId": TEXT, "statusCode": WHOLE, "outcome": TEXT, **_DELIVERY_FILTERS}
        ),
    ),
    "deliveries_api.get_event_log": Operation(
        tag="Deliveries", answers={200: Answer("The attempt.", refer("WebhookEventLog"))}
    ),
    "deliveries_api.list_deliveries": Operation(
        tag="Deliveries",
        summary="Lists the deliveries of a webhook.",
        answers={200: Answer("Deliveries.", list_of(refer("Delivery")))},
        parameters=list_parameters(_DELIVERY_FILTERS),
    ),
    "deliveries_api.get_delivery": Operation(
        tag="Deliveries", answers={200: Answer("The delivery.", refer("WholeDelivery"))}
    ),
    "deliveries_api.resend": Operation(
        tag="Deliveries", answers={202: Answer("It is to be sent again.", refer("Delivery"))}, refusals=(409,)
    ),
    "replays_api.create_replay": Operation(
        tag="Deliveries",
        body=ReplaySchema,
        scopes=("webhook:write",),
        parameters=(Parameter("validateOnly", "Only say what would be sent, for which webhook:read is enough.", FLAG),),
        answers={
            200: Answer("With `validateOnly=true`: what it would find.", refer("ReplayPreview")),
            202: Answer("It is ordered.", refer("Replay")),
        },
        refusals=(409,),
        example={"since": "2026-11-01T00:00:00Z"},
    ),
    "replays_api.list_replays": Operation(
        tag="Deliveries",
        summary="Lists the replays of a webhook.",
        answers={200: Answer("Replays.", list_of(refer("Replay")))},
        parameters=list_parameters({}),
    ),
    "replays_api.get_replay": Operation(tag="Deliveries", answers={200: Answer("The replay.", refer("Replay"))}),
    "replays_api.cancel_replay": Operation(
        tag="Deliveries", answers={200: Answer("The replay as it is now.", refer("Replay"))}, refusals=(409,)
    ),
}
