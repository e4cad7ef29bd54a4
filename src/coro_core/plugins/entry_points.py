"""Entry points of plugins: their order, their distribution, and the reason for a failed import."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from coro_core.contract.errors import describe
from coro_core.contract.hookspecs import ENTRY_POINT_GROUP


def find_plugins() -> Sequence[EntryPoint]:
    """Return the installed plugins by name, then distribution: never in order of installation."""
    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda it: (it.name, origin(it)[0]))


def origin(entry_point: EntryPoint) -> tuple[str, str]:
    """Return the name and version of its distribution; a half-deleted one may have neither."""
    if entry_point.dist is None:
        return "unknown", "unknown"
    metadata = entry_point.dist.metadata.json
    return str(metadata.get("name", "unknown")), str(metadata.get("version", "unknown"))


def import_failure(exc: BaseException, entry_point: EntryPoint) -> str:
    """Return why the code of a plugin cannot be loaded, as the rest of a sentence."""
    package = entry_point.module.partition(".")[0]
    if isinstance(exc, ModuleNotFoundError) and exc.name == package:
        # An editable install whose folder was moved or deleted leaves its entry point behind.
        owner, _ = origin(entry_point)
        return f"its code is gone: there is no {package}; install {owner} again, or uninstall it"
    if isinstance(exc, ImportError | SyntaxError):
        # The text names the module or line. It is safe: an import has seen no key and no prompt.
        return f"it cannot be imported: {type(exc).__name__}: {' '.join(str(exc).split())}"
    return f"it cannot be loaded: {describe(exc)}"
