"""Checks of every reply beside those of schemathesis, whose command loads this file."""

from typing import Any

import schemathesis
from schemathesis.core.failures import Failure

UNKNOWN_MODEL = "urn:coro:problem:unknown-model"
KNOWN = {"gemini", "llama-70b", "llama-8b", "mixtral", "deepseek"}


@schemathesis.check
def only_unknown_models_are_refused(_: Any, response: Any, case: Any) -> None:
    """A schema-valid chat is refused when it names no model there is, and for nothing else."""
    if not case.meta or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    if response.json()["type"] != UNKNOWN_MODEL or KNOWN & set(case.body["models"]):
        raise Failure(
            operation=case.operation.label,
            title="Schema-valid request refused",
            message="It was refused, and not because none of its models is known.",
        )
