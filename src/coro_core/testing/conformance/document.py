"""The page of every check: `python -m coro_core.testing.conformance.document`."""

from coro_core.testing.conformance.catalogue import GROUPS

_HEAD = """# The contract, check by check

Every plugin keeps these promises. `coro plugin check NAME` and the pytest class
`coro_core.testing.ProviderContract` check them. Each check opens the plugin against its own
simulator, over real sockets. No check needs a key or a network.

```console
$ coro plugin check acme            # a table, or JSON with --json; exit code 1 if a check failed
$ coro plugin check acme --set ACME_SDK=new   # adds a setting to those of the simulator
```

```python
from coro_acme import AcmePlugin
from coro_core.testing import ProviderContract


class TestContract(ProviderContract):
    plugin = AcmePlugin
```

`environ = {"ACME_SDK": "new"}` on the class adds settings, as `--set` does.

## Exceptions

A plugin waives a check by declaring an exception with a reason. The report shows the reason:

```python
class AcmePlugin:
    coro_contract = 1
    coro_exceptions = {"live-models": "Acme has no list of models."}
```

A check that depends on a failed or waived check is not run: it would prove nothing.

## What the suite needs of the simulator

The suite scripts the simulator through `coro_core.Behaviour` and needs this of it:

- Its settings hold `CANARY_KEY` as the key and an http address on loopback.
- The text of every error goes through `Behaviour.message`, as in `error_reply`.
- Every call goes through `Behaviour.receive`, which records it.

For a provider of the OpenAI dialect, `serve_chat` does all of this.

## The checks
"""
_TABLE = "| check | promise | depends on |\n| --- | --- | --- |\n"


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for group in GROUPS:
        parts.append(f"\n### {group.title}\n\n{_TABLE}")
        for check in group:
            others = ", ".join(f"`{name}`" for name in check.depends_on)
            parts.append(f"| `{check.name}` | {check.promise} | {others} |\n")
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
