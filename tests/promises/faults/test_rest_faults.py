"""Every status that Gemini can answer with over REST, and bodies that it should not send."""

import json
from typing import Any

from coro_core.testing import Call
from support.faults.bodies import REST_BODIES
from support.faults.gemini_refusals import REFUSALS, WAITS
from support.faults.replies import echo, reply
from support.faults.world import world


async def test_every_status_of_gemini_costs_its_own_row_over_rest_too() -> None:
    async with world("gemini-genai") as here:
        for name, (code, refused) in REFUSALS.items():

            def body(call: Call, refused: Any = refused) -> bytes:
                echoing = {**refused, "message": f"{refused['message']} {echo(call)}"}
                return json.dumps({"error": echoing}).encode()

            row = await here.survives(name, code, raw_reply=reply(body, refused["code"]))
            if name in WAITS:
                with here.trials.trial(f"{name} is told as {WAITS[name]}"):
                    assert row["retry_after_s"] == WAITS[name]


async def test_whatever_a_200_of_gemini_holds_costs_its_own_row() -> None:
    async with world("gemini-genai") as here:
        for name, (body, code) in REST_BODIES.items():
            await here.survives(name, code, raw_reply=reply(body))
