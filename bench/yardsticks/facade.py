"""The facade that all yardsticks share: the least that validates and answers with Flask and
marshmallow.

`json` directly, since Flask's own get_json and jsonify would make the floor a tenth dearer and
every ratio look better.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from marshmallow import Schema, ValidationError, fields, validate

#: Calls CloudMonitor for one group, as validated; returns the upstream's RequestId.
Put = Callable[[dict[str, Any]], str]


class GroupSchema(Schema):
    contact_group_name = fields.String(
        data_key="contactGroupName", required=True, validate=validate.Length(min=1, max=255)
    )
    contact_names = fields.List(
        fields.String(validate=validate.Length(min=1, max=255)),
        data_key="contactNames",
        required=True,
        validate=validate.Length(min=1, max=100),
    )
    describe = fields.String(required=True, validate=validate.Length(min=1, max=2048))
    enable_subscribed = fields.Boolean(data_key="enableSubscribed")


class AppliedSchema(GroupSchema):
    request_id = fields.String(data_key="requestId")


def create_app(put: Put) -> Flask:
    app = Flask("yardstick", static_folder=None)
    schema, applied = GroupSchema(), AppliedSchema()

    @app.put("/v1/contact-groups/<path:name>")
    def put_contact_group(name: str) -> Any:
        try:
            group = schema.load({**json.loads(request.get_data()), "contactGroupName": name})
        except ValidationError as error:
            return {"errors": error.messages}, 422
        answer = applied.dump({**group, "request_id": put(group)})
        return Response(json.dumps(answer), mimetype="application/json")

    return app


def parameters(group: dict[str, Any]) -> dict[str, str]:
    """The business parameters, for the prototypes that make the call themselves."""
    named = {
        f"ContactNames.{number}": name for number, name in enumerate(group["contact_names"], 1)
    }
    return {"ContactGroupName": group["contact_group_name"], "Describe": group["describe"], **named}
