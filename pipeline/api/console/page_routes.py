"""Every page, and what each form does."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.api.console.operating_routes import operating_routes
from pipeline.api.console.pages import audit, body_preview, deliveries, endpoint_editing, endpoints
from pipeline.api.console.pages.overview import Overview
from pipeline.api.console.pages.system import SystemPorts
from pipeline.api.console.pages_served import PageRoute

_ACTIONS = "activate", "deactivate", "test"


def page_routes(system: SystemPorts) -> Sequence[PageRoute]:
    """In the order in which they are tried."""
    one = "/endpoints/{endpoint}"
    return [
        PageRoute("GET", "/", Overview(system.backlog).page, live_seconds=3.0),
        PageRoute("GET", "/endpoints", endpoints.endpoints),
        PageRoute("GET", "/endpoints/new", endpoint_editing.new),
        PageRoute("POST", "/endpoints/new", endpoint_editing.create),
        PageRoute("POST", "/endpoints/preview", body_preview.of_form),
        PageRoute("GET", one, endpoints.endpoint, live_seconds=3.0),
        PageRoute("GET", f"{one}/waiting", endpoints.waiting),
        PageRoute("GET", f"{one}/edit", endpoint_editing.edit),
        PageRoute("POST", f"{one}/edit", endpoint_editing.update),
        PageRoute("POST", f"{one}/match", endpoints.match),
        PageRoute("POST", f"{one}/preview", body_preview.of_endpoint),
        PageRoute("POST", f"{one}/rotate", endpoints.rotate),
        PageRoute("POST", f"{one}/remove", endpoints.remove),
        *(
            PageRoute("POST", f"{one}/do/{action}", endpoints.action_of(action))
            for action in _ACTIONS
        ),
        PageRoute("GET", "/deliveries", deliveries.deliveries, live_seconds=2.0),
        PageRoute("POST", "/deliveries/trigger", deliveries.trigger_several),
        PageRoute("GET", "/deliveries/{delivery}", deliveries.delivery),
        PageRoute("GET", "/deliveries/{delivery}/download", deliveries.download),
        PageRoute("POST", "/deliveries/{delivery}/trigger", deliveries.trigger),
        PageRoute("POST", "/deliveries/{delivery}/retry-now", deliveries.retry_now),
        PageRoute("POST", "/deliveries/{delivery}/drop", deliveries.drop),
        *operating_routes(system),
        PageRoute("GET", "/audit", audit.audit),
    ]
