"""Every provider refuses everything with a 503 for a whole minute: how often is each asked?

    make outage               # a minute for the usual ids, a minute in which every name is new
    make outage SECONDS=300

The usual ids show the circuits; a new name for each row has a circuit of its own, which never
opens, and shows the retry budget. The exit code is 1 when a provider was called more than 1.2 times
for each row asked. The ten retries that a provider has to begin with weigh more in a shorter run.
"""

import asyncio
import json
import sys
from collections import Counter

from promises.load.client import Client, at_rate, chat
from promises.load.system import System, running, setting
from support.network import confine_to_loopback

MOST_CALLS_PER_ROW = 1.2
RATE = 10.0


async def ask_all(system: System, seconds: float, *, new_names: bool) -> dict[str, Counter[str]]:
    """Ask one model of each plugin at a rate; return how often each plugin's row had which code."""
    client = Client(system.server.port)
    codes: dict[str, Counter[str]] = {plugin: Counter() for plugin in system.models}

    async def ask(number: int) -> None:
        models = system.new_names(number) if new_names else list(system.models.values())
        _, body = await client.send(chat(models))
        for plugin, row in zip(system.models, json.loads(body)["responses"], strict=True):
            codes[plugin][row["error_code"]] += 1

    await at_rate(RATE, seconds, ask)
    client.close()
    return codes


def report(system: System, seconds: float, *, new_names: bool) -> bool:
    """Let the providers be down for a while; print a line for each, return whether all was well."""
    before = system.providers.behave(error="overloaded", serves_any_name=new_names)
    codes = asyncio.run(ask_all(system, seconds, new_names=new_names))
    after = system.providers.behave()
    well = True
    for plugin, reported in codes.items():
        rows, calls = reported.total(), after[plugin] - before[plugin]
        well = well and calls <= MOST_CALLS_PER_ROW * rows and reported["overloaded"] == rows
        print(f"{plugin:<12}{rows:>8}{calls:>8}{calls / rows:>16.3f}  {dict(reported)}")
    return well


def main() -> int:
    """Run both; return the exit code."""
    confine_to_loopback()
    seconds = setting("SECONDS", 60)
    results = []
    for new_names in (False, True):
        # A server each: the first would leave circuits open and a budget spent.
        with running() as system:
            print("a new name for each row" if new_names else "the usual ids")
            print(f"{'provider':<12}{'rows':>8}{'calls':>8}{'calls per row':>16}  rows by code")
            results.append(report(system, seconds, new_names=new_names))
    print("PASSED" if all(results) else "FAILED")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
