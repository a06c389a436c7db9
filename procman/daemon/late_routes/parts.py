"""What the handlers that are made late are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procman.daemon.about import About
from procman.daemon.client_services import ClientServices
from procman.daemon.rooms import Rooms
from procman.http.router import Router
from procman.runtime.journal.denials import Denials

if TYPE_CHECKING:
    from procman.services.metrics.readings import MetricsService


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Of one running master."""

    rooms: Rooms
    services: ClientServices
    about: About
    denials: Denials
    router: Router  # the whole table
    read_metrics: "Callable[[], MetricsService]"
