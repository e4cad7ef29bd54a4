"""The page that lists every check: `python -m coro_core.testing.conformance.document`."""

from coro_core.testing.conformance.catalogue import GROUPS

_HEAD = """# The contract, check by check

What every plugin promises, as `coro plugin check NAME` and `coro_core.testing.ProviderContract`
put it to the test. Each check opens the plugin before its own simulator, over real sockets; none
needs a key or a network.

```console
$ coro plugin check acme            # a table; --json for machines; exit code 1 if one has failed
$ coro plugin check acme --set ACME_SDK=new   # with a setting beside those of the simulator
```

```python
from coro_acme import AcmePlugin
from coro_core.testing import ProviderContract


class TestContract(ProviderContract):
    plugin = AcmePlugin
```

`environ = {"ACME_SDK": "new"}` on the class adds settings, as `--set` does.

## Exceptions

A check is left out only if the plugin says so, with a reason, which the report shows:

```python
class AcmePlugin:
    coro_contract = 1
    coro_exceptions = {"live-models": "Acme has no list of models."}
```

A check that builds on one which has failed, or is left out, is not run: it would prove nothing.

## What the simulator does for it

The suite tells the simulator how to behave through `coro_core.testing.Behaviour`, and relies on
this: its settings hold `CANARY_KEY` as the key and an http address on loopback; every refusal's
words go through `Behaviour.worded` (`error_reply` does that); calls are noted as
`Behaviour.receive` does. A provider of the OpenAI dialect has all of it from `serve_chat`.

## The checks
"""
_TABLE = "| check | promise | builds on |\n| --- | --- | --- |\n"


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for group in GROUPS:
        parts.append(f"\n### {group.title}\n\n{_TABLE}")
        for check in group:
            needs = ", ".join(f"`{need}`" for need in check.needs)
            parts.append(f"| `{check.name}` | {check.promise} | {needs} |\n")
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
