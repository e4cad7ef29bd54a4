"""Every status that Gemini can answer with over REST, and bodies that it should not send."""

import json
from typing import Any

from coro_core.testing import Call
from support.faults.bodies import REST_BODIES
from support.faults.gemini_refusals import REFUSALS, WAITS
from support.faults.harness import fault_harness
from support.faults.replies import echo, reply


async def test_every_status_of_gemini_costs_its_own_row_over_rest_too() -> None:
    async with fault_harness("gemini-genai") as harness:
        for name, (code, refused) in REFUSALS.items():

            def body(call: Call, refused: Any = refused) -> bytes:
                echoing = {**refused, "message": f"{refused['message']} {echo(call)}"}
                return json.dumps({"error": echoing}).encode()

            row = await harness.survives(name, code, raw_reply=reply(body, refused["code"]))
            if name in WAITS:
                with harness.cases.case(f"{name} is reported as {WAITS[name]}"):
                    assert row["retry_after_s"] == WAITS[name]


async def test_whatever_a_200_of_gemini_holds_costs_its_own_row() -> None:
    async with fault_harness("gemini-genai") as harness:
        for name, (body, code) in REST_BODIES.items():
            await harness.survives(name, code, raw_reply=reply(body))
