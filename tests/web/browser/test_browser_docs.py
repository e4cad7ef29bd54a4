"""/docs: the operations in their groups, and "Try it out" that works as it stands."""

import pytest
from playwright.async_api import expect

from support.browser import Visit
from support.openapi import OPERATIONS
from web.browser.conftest import Visitor

GROUPS = {it["operationId"]: it["tags"][0] for _, _, it in OPERATIONS}


async def docs(visitor: Visitor, address: str) -> Visit:
    visit = await visitor.before(address)
    await visit.page.goto(f"{address}/docs")
    await expect(visit.page.locator(".opblock")).to_have_count(len(GROUPS))
    return visit


async def test_the_operations_are_in_groups(visitor: Visitor, demo: str) -> None:
    visit = await docs(visitor, demo)
    groups = visit.page.locator("h3.opblock-tag")
    shown = [await group.get_attribute("data-tag") for group in await groups.all()]
    assert shown == ["chat", "models", "operation"]


@pytest.mark.parametrize("operation", GROUPS)
async def test_what_stands_there_can_be_sent_as_it_is(
    visitor: Visitor, demo: str, operation: str
) -> None:
    visit = await docs(visitor, demo)
    block = visit.page.locator(f"#operations-{GROUPS[operation]}-{operation}")
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Execute").click()
    live = block.locator(".live-responses-table .response")
    await expect(live.locator(".response-col_status")).to_contain_text("200")
    await expect(live.locator(".response-col_description")).to_contain_text("x-request-id")


async def test_a_problem_can_be_looked_at_by_its_kind(visitor: Visitor, demo: str) -> None:
    visit = await docs(visitor, demo)
    block = visit.page.locator("#operations-chat-chat")
    await block.locator(".opblock-summary-control").click()
    refused = block.locator('.response[data-code="422"]')
    await refused.locator(".examples-select select").select_option("misspelt_field")
    await expect(refused.locator("pre.example")).to_contain_text("there is no such field")


@pytest.mark.parametrize("viewport", [(390, 844)], ids=["phone"])
async def test_it_fits_on_a_phone_and_names_its_language(visitor: Visitor, demo: str) -> None:
    visit = await docs(visitor, demo)
    assert await visit.evaluate("() => document.documentElement.lang") == "en"
    sideways = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await visit.evaluate(sideways) == 0
    for operation, group in GROUPS.items():
        block = visit.page.locator(f"#operations-{group}-{operation}")
        await block.locator(".opblock-summary-control").click()
        await expect(block.locator(".responses-table").first).to_be_visible()
        assert await visit.evaluate(sideways) == 0, operation
