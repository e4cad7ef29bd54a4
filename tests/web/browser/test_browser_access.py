"""For everyone: any size of window, any theme, the keyboard alone, a screen reader."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Route, expect

from support.browser import Visit
from support.server import Process
from web.browser.conftest import Visitor

SIZES = [(320, 640), (360, 740), (768, 1024), (1280, 900), (1920, 1080), (2560, 1440)]
WIDE = "# A_very_long_heading_without_any_place_to_break_it_which_goes_on_and_on_and_on_and_on\n\n"
WIDE += f"`{'x' * 300}` {'y' * 300}\n\n```\n{'z' * 300}\n```\n\n"
WIDE += f"| {' | '.join('column' for _ in range(20))} |\n|{'---|' * 20}\n{'| cell' * 20} |\n\n"
WIDE += f"https://example.invalid/{'a' * 300}"
FOCUSABLE = """() => [...document.querySelectorAll("a[href], button, input, select, textarea,"
    + "[tabindex='0']")].filter((it) => it.checkVisibility() && !it.matches(":disabled"))
    .map((it) => it.dataset.place = String(Math.random()))"""


async def faults(visit: Visit) -> list[tuple[str, list[Any]]]:
    """Return what axe-core finds, of any weight."""
    results = await Axe().run(visit.page)
    return [
        (f"{it['impact']}: {it['id']}", [node["target"] for node in it["nodes"]])
        for it in results.response["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [(360, 740), (1280, 900)], ids=["phone", "desktop"])
async def test_axe_finds_no_fault_in_any_state(app: Process, visitor: Visitor) -> None:
    loading = await visitor.before(app.address())
    # What fades in has less contrast for a moment.
    await loading.page.emulate_media(reduced_motion="reduce")

    async def hold(route: Route) -> None:
        held.append(route)

    held: list[Route] = []
    await loading.page.route("**/models", hold)
    await loading.page.goto(app.address())
    await expect(loading.page.locator("#chips")).to_have_attribute("aria-busy", "true")
    assert await faults(loading) == []
    for route in held:
        await route.abort()
    await expect(loading.page.locator("#chips .failed")).to_be_visible()
    assert await faults(loading) == []

    visit = await visitor.before(app.address())
    await visit.page.emulate_media(reduced_motion="reduce")
    await visit.open()
    assert await faults(visit) == []
    await visit.page.keyboard.press("Control+Enter")
    await expect(visit.page.get_by_role("alert")).not_to_be_empty()
    assert await faults(visit) == []
    said = {"one": WIDE, "two": "> quote\n\n[a link](https://example.invalid) `code`", "three": "x"}
    everything = ("one", "two", "three", "cut", "limited", "fails-once", "renamed", "held")
    await visit.ask(json.dumps(said), *everything)
    for model in everything[:-1]:
        await expect(visit.card(model)).not_to_have_attribute("data-state", "waiting")
    assert await faults(visit) == []
    await visit.card("one").get_by_role("button", name="Raw").click()
    await visit.card("held").get_by_role("button", name="Stop").click()
    await visit.wait_for("held", "stopped")
    assert await faults(visit) == []


@pytest.mark.parametrize("viewport", SIZES, ids=lambda size: f"{size[0]}px")
async def test_nothing_makes_the_page_scroll_sideways(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    sideways = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await visit.evaluate(sideways) == 0
    await visit.ask(json.dumps({"one": WIDE, "two": WIDE[::-1]}), "one", "two", "limited")
    await visit.all_done()
    assert await visit.evaluate(sideways) == 0
    outside = """() => [...document.querySelectorAll("button, input:not(.unseen), select, .body")]
      .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect())
      .filter(({ left, right }) => left < 0 || right > innerWidth).length"""
    assert await visit.evaluate(outside) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_theme_is_the_system_s_until_the_visitor_says_otherwise(
    visitor: Visitor, script: str, scheme: str
) -> None:
    visit = await visitor.at(script)
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(248, 248, 246)", "rgb(17, 19, 20)"
    assert await visit.evaluate(ground) == (dark if scheme == "dark" else light)
    toggle = visit.page.get_by_role("button", name="Theme")
    await toggle.click()
    await expect(toggle).to_have_text("Theme: light")
    assert await visit.evaluate(ground) == light
    await toggle.click()
    assert await visit.evaluate(ground) == dark
    await visit.page.reload()
    await expect(toggle).to_have_text("Theme: dark")
    assert await visit.evaluate(ground) == dark


async def test_the_keyboard_alone_is_enough(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    keyboard = visit.page.keyboard

    async def tab_to(selector: str) -> None:
        for _ in range(60):
            await keyboard.press("Tab")
            if await visit.evaluate("it => document.activeElement.matches(it)", selector):
                return
        raise AssertionError(f"the keyboard does not reach {selector}")

    await tab_to("#prompt")
    await keyboard.type("Hello")
    await tab_to("#none")
    await keyboard.press("Enter")
    await tab_to('.chip input[value="one"]')
    await keyboard.press("Space")
    await tab_to('.chip input[value="two"]')
    await keyboard.press("Space")
    await tab_to("#temperature")
    await keyboard.press("ArrowRight")
    await keyboard.press("Control+Enter")
    await visit.all_done()
    await expect(visit.page.locator(".card")).to_have_count(2)
    await expect(visit.page.locator("#temperature-value")).to_have_text("0.75")
    await tab_to('.card[data-model="two"] button')
    await keyboard.press("Enter")
    assert await visit.clipboard() == "Hello"
    await tab_to("#differences select")
    await keyboard.press("ArrowDown")
    await expect(visit.page.get_by_label("First answer")).to_have_value("two")


@pytest.mark.parametrize("viewport", [(390, 844)], ids=["phone"])
async def test_compare_is_in_sight_on_a_phone_with_seven_models(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)
    assert await visit.page.locator(".chip").count() >= 7
    await expect(visit.page.locator("#submit")).to_be_in_viewport(ratio=1)
    await expect(visit.page.locator("#shortcut")).to_be_hidden()


async def test_skip_links_come_first_and_the_focus_moves_to_the_answers(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script, "#prompt=Hello&model=one")
    keyboard = visit.page.keyboard
    await keyboard.press("Tab")
    await expect(visit.page.get_by_role("link", name="Skip to the prompt")).to_be_focused()
    await keyboard.press("Enter")
    await expect(visit.page.locator("#prompt")).to_be_focused()
    await expect(visit.page.locator("#prompt")).to_have_value("Hello")
    await keyboard.press("Control+Enter")
    await expect(visit.page.locator("#results-title")).to_be_focused()
    await expect(visit.page.locator("#said")).to_have_text("Asking 1 model.")
    await visit.all_done()
    await visit.page.locator("#to-results").focus()
    await keyboard.press("Enter")
    await expect(visit.page.locator("#results-title")).to_be_focused()


async def test_a_card_with_a_short_answer_has_two_tab_stops(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    said = {"one": "Short.\n\n```\nx\n```\n\n| a |\n|---|\n| b |", "two": "word " * 5000}
    await visit.ask(json.dumps(said), "one", "two")
    await visit.all_done()
    stops = "it => [...it.querySelectorAll('button, [tabindex=\"0\"]')].length"
    assert await visit.card("one").evaluate(stops) == 2
    assert await visit.card("two").evaluate(stops) == 3
    await expect(visit.card("two").get_by_role("region", name="Answer of Two")).to_be_visible()


async def test_everything_that_can_be_used_is_reached_by_tab_and_shows_it(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)
    await visit.ask(json.dumps({"one": WIDE, "two": "x"}), "one", "two", "limited")
    await visit.all_done()
    await visit.page.evaluate("() => document.activeElement.blur()")
    wanted = set(await visit.evaluate(FOCUSABLE))
    reached: set[str] = set()
    for _ in range(3 * len(wanted)):
        await visit.page.keyboard.press("Tab")
        place, outlined = await visit.evaluate(
            """() => {
              const it = document.activeElement;
              const seen = it.closest(".chip, .panel:has(#prompt:focus)") ?? it;
              return [it.dataset.place, getComputedStyle(seen).outlineStyle];
            }"""
        )
        if place:
            assert outlined != "none"
            reached.add(place)
        if reached == wanted:
            break
    assert reached == wanted


async def test_progress_is_said_aloud_and_the_cards_are_named(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "one", "held")
    status = visit.page.get_by_role("status").filter(has_text="answered")
    await expect(status).to_have_text(
        re.compile(r"^One answered after \d+ ms\. 1 of 2 answered\.$")
    )
    held = visit.page.get_by_role("article", name="Held")
    await expect(held).to_have_attribute("aria-busy", "")
    await expect(held).to_contain_text("Waiting for the answer.")
    await held.get_by_role("button", name="Stop: Held").click()
    await expect(visit.page.get_by_role("status").filter(has_text="1 of 2")).to_be_visible()


async def test_reduced_motion_is_respected(app: Process, visitor: Visitor) -> None:
    moving = "() => document.getAnimations().map((it) => it.animationName ?? it.transitionProperty)"
    for motion, expected in (("no-preference", True), ("reduce", False)):
        visit = await visitor.before(app.address())
        await visit.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        await visit.open()
        await visit.ask("Hello", "held")
        await visit.wait_for("held", "waiting")
        assert ("breathe" in await visit.evaluate(moving)) is expected
    assert await visit.evaluate(moving) == []
