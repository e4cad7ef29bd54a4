"""What one application is made of; each app has its own, so that two can live in one process."""

from dataclasses import dataclass

from coro_core.catalog import Catalog
from coro_core.fanout import FanOut
from coro_core.plugins import Plugins
from coro_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Container:
    """The parts that the routes work with."""

    settings: Settings
    plugins: Plugins
    catalog: Catalog
    fanout: FanOut
