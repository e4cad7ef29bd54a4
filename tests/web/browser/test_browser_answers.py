"""A card per model: filled the moment it answers, or with its error and a way to try again."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Route, expect

from support.server import Process
from web.browser.conftest import Visitor

DEMO_IDS = ["deepseek", "gemini", "llama-70b", "llama-8b", "mixtral"]


def release(app: Process) -> None:
    """Let the model that is held answer."""
    reply = httpx.post(f"{app.address()}/chat/release", json={"prompt": "now"}, timeout=60)
    assert reply.status_code == 200


async def test_the_five_demo_models_answer_in_their_cards(visitor: Visitor, demo: str) -> None:
    visit = await visitor.at(demo)
    await expect(visit.page.locator("#demo")).to_be_visible()
    asked: list[str] = []
    visit.page.on("request", lambda it: asked.append(it.url) if it.method == "POST" else None)
    await visit.ask("What is 17 * 23?")
    for model in DEMO_IDS:
        card = await visit.wait_for(model, "answered")
        await expect(card.locator(".body")).to_contain_text("17 * 23 = 391.")
        await expect(card.locator(".clock")).to_have_text(re.compile(r"^(\d+ ms|\d+\.\d\d s)$"))
        facts = card.locator(".facts")
        await expect(facts).to_contain_text(re.compile(r"Tokens\s*9"))
        await expect(facts).to_contain_text(re.compile(r"Speed\s*[\d.]+ tokens/s"))
        await expect(card.locator(".notes")).to_contain_text("is no longer served;")
    await expect(visit.card("gemini").locator(".facts")).to_contain_text("gemini-3.5-flash-lite")
    assert sorted(asked) == [f"{demo}/chat/{model}" for model in DEMO_IDS]
    cards = visit.page.locator(".card")
    shown = [await card.get_attribute("data-model") for card in await cards.all()]
    assert shown == DEMO_IDS
    await expect(visit.page.locator("#status")).to_have_text("5 of 5 answered. All 5 agree.")


async def test_headings_chart_and_agreement_name_the_model_that_answered_and_its_id(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "one", "renamed")
    await visit.all_done()
    await expect(visit.card("renamed").locator("h3")).to_have_text("new-name renamed")
    await expect(visit.card("one").locator(".agrees")).to_have_text(
        "Agrees with new-name (renamed)"
    )
    await expect(visit.page.locator(".chart tbody th", has_text="new-name")).to_have_text(
        "new-name renamed"
    )
    await expect(visit.page.get_by_label("Second answer").locator("option")).to_have_text(
        ["One", "new-name (renamed)"]
    )
    assert "Renamed" not in await visit.page.locator("#results").inner_text()


ROW = {"response": "x", "error": None, "note": None, "substituted": False, "upstream_model": "u"}


async def test_figures_are_grouped_and_a_speed_needs_fifty_milliseconds(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)

    async def reply(route: Route) -> None:
        latency = 49 if route.request.url.endswith("one") else 10_000
        await route.fulfill(json={**ROW, "tokens": 36_714, "latency_ms": latency})

    await visit.page.route("**/chat/*", reply)
    await visit.ask("Hello", "one", "two")
    await visit.all_done()
    facts = visit.card("two").locator(".facts")
    await expect(facts).to_contain_text("36,714")
    await expect(facts).to_contain_text("3,671 tokens/s")
    await expect(visit.card("one").locator(".facts")).not_to_contain_text("Speed")


@pytest.mark.parametrize("models", [3, 4, 5])
async def test_columns_are_equal_and_the_parts_of_a_row_line_up(
    visitor: Visitor, script: str, models: int
) -> None:
    visit = await visitor.at(script)
    asked = ("one", "limited", "renamed", "cut", "two")[:models]
    await visit.ask("Hello", *asked)
    await visit.all_done()
    cards = await visit.evaluate(
        """() => [...document.querySelectorAll(".card")].map((it) => {
          const at = (part) => Math.round(it.querySelector(part).getBoundingClientRect().top);
          const { top, width } = it.getBoundingClientRect();
          return [Math.round(top), Math.round(width), at(".buttons")];
        })"""
    )
    assert len({width for _, width, _ in cards}) == 1
    assert len({top for top, _, _ in cards}) == len({buttons for _, _, buttons in cards})


async def test_a_failing_provider_costs_its_own_cards(visitor: Visitor, tmp_path: Path) -> None:
    arguments = ("serve", "--demo", "--fail", "groq=upstream_error", "--port", "0")
    with Process(*arguments, cwd=tmp_path, environ={}) as server:
        visit = await visitor.at(server.address())
        await visit.ask("2 + 2?")
        for model in ("gemini", "deepseek"):
            card = await visit.wait_for(model, "answered")
            await expect(card.locator(".body")).to_contain_text("2 + 2 = 4.")
        for model in ("llama-70b", "llama-8b", "mixtral"):
            card = await visit.wait_for(model, "failed")
            await expect(card.locator(".error")).to_have_text(
                "Groq failed with an error of its own; try again later."
            )
            await expect(card.get_by_role("button", name="Retry")).to_be_visible()
        await expect(visit.page.locator("#status")).to_have_text(
            "2 of 5 answered. openai/gpt-oss-120b, openai/gpt-oss-20b, and qwen/qwen3.8-27b failed."
            " 2 agree."
        )


async def test_a_slow_model_keeps_its_clock_running_while_the_others_are_there(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "one", "held", "two")
    await visit.wait_for("one", "answered")
    await visit.wait_for("two", "answered")
    held = await visit.wait_for("held", "waiting")
    await expect(visit.page.locator("#status")).to_contain_text("2 of 3 answered.")
    clock = held.locator(".clock")
    before = float((await clock.inner_text()).removesuffix(" s"))
    await expect(clock).not_to_have_text(f"{before:.1f} s")
    assert float((await clock.inner_text()).removesuffix(" s")) > before
    release(app)
    await visit.wait_for("held", "answered")
    await expect(held.locator(".body")).to_have_text("Hello")
    await expect(visit.page.locator("#submit-text")).to_have_text("Compare")


async def test_stopping_a_card_cancels_the_call_and_it_can_be_asked_again(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "held", "one")
    app.wait_for("held\n")
    await visit.card("held").get_by_role("button", name="Stop").click()
    card = await visit.wait_for("held", "stopped")
    app.wait_for("given up\n")
    await visit.wait_for("one", "answered")
    await expect(card.locator(".error")).to_have_text("Stopped before there was an answer.")
    retry = card.get_by_role("button", name="Retry")
    await expect(retry).to_be_focused()
    await retry.click()
    await visit.wait_for("held", "waiting")
    app.wait_for("held\n(.*\n)*held\n")
    release(app)
    await visit.wait_for("held", "answered")


async def test_the_main_button_stops_everything(app: Process, visitor: Visitor) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "held")
    app.wait_for("held\n")
    await expect(visit.page.locator("#submit-text")).to_have_text("Stop")
    await visit.page.click("#submit")
    await visit.wait_for("held", "stopped")
    app.wait_for("given up\n")
    await expect(visit.page.locator("#submit-text")).to_have_text("Compare")


async def test_a_new_question_replaces_the_cards_of_the_last(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("First", "one", "two")
    await visit.all_done()
    await visit.ask("Second", "one")
    await expect(visit.page.locator(".card")).to_have_count(1)
    await visit.wait_for("one", "answered")
    await expect(visit.card("one").locator(".body")).to_have_text("Second")


async def test_retry_asks_what_was_asked_and_the_answer_takes_the_error_s_place(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "fails-once")
    card = await visit.wait_for("fails-once", "failed")
    await visit.page.fill("#prompt", "Something else")
    await card.get_by_role("button", name="Retry").focus()
    await visit.page.keyboard.press("Enter")
    await visit.wait_for("fails-once", "answered")
    await expect(card.locator(".body")).to_have_text("Hello")
    await expect(card.get_by_role("button", name="Copy")).to_be_focused()


async def test_what_a_row_has_to_say_is_on_its_card(app: Process, visitor: Visitor) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "cut", "limited", "renamed")
    cut = await visit.wait_for("cut", "answered")
    await expect(cut.locator(".notes")).to_contain_text("Cut off: the answer reached the limit")
    limited = await visit.wait_for("limited", "failed")
    await expect(limited.locator(".error")).to_contain_text("try again in 3600 s")
    await expect(limited.locator(".notes")).to_contain_text("Worth another try from ")
    renamed = await visit.wait_for("renamed", "answered")
    await expect(renamed.locator(".notes")).to_contain_text(
        "old-name is no longer served; new-name answered."
    )
    await expect(renamed.locator(".facts")).to_contain_text("new-name")


async def test_an_error_names_the_field_of_the_page_and_not_the_parameter_of_the_api(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.page.fill("#timeout", "0.2")
    await visit.ask("Hello", "held")
    card = await visit.wait_for("held", "failed")
    await expect(card.locator(".error")).to_have_text(
        "Acme did not answer in time; try again, or allow more with \u201cTime limit\u201d."
    )
    await expect(visit.page.get_by_label("Time limit")).to_be_visible()


@pytest.mark.parametrize("settings", [{"CORO_MAX_IN_FLIGHT": "1"}])
async def test_an_overloaded_server_s_sentence_is_the_card_s(
    app: Process, visitor: Visitor
) -> None:
    busy = await visitor.at(app.address())
    await busy.ask("Hello", "held")
    app.wait_for("held\n")
    visit = await visitor.at(app.address())
    await visit.ask("Hello", "one")
    card = await visit.wait_for("one", "failed")
    await expect(card.locator(".error")).to_contain_text("requests in flight already; try again in")
    await expect(card.locator(".notes")).to_contain_text("Worth another try from ")


async def test_whatever_comes_in_place_of_a_row_becomes_a_sentence(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    page = "<html><script>document.title = 'broken'</script><h1>Bad gateway</h1></html>"
    replies = {
        "one": {"status": 502, "content_type": "text/html", "body": page},
        "two": {"status": 200, "content_type": "application/json", "body": "null"},
        "three": {
            "status": 429,
            "headers": {"Retry-After": "60"},
            "content_type": "application/problem+json",
            "body": '{"detail": "Slow down."}',
        },
    }

    async def reply(route: Route) -> None:
        model = route.request.url.rpartition("/")[2]
        if model == "cut":
            await route.abort()
        else:
            await route.fulfill(**replies[model])  # type: ignore[arg-type]

    await visit.page.route("**/chat/*", reply)
    await visit.ask("Hello", "one", "two", "three", "cut")
    await visit.all_done()
    sentences = {
        "one": "The server answered with status 502 and without an explanation; try again.",
        "two": "The server answered with status 200 and without an explanation; try again.",
        "three": "Slow down.",
        "cut": "The server cannot be reached. Check that it is running, and try again.",
    }
    for model, sentence in sentences.items():
        card = await visit.wait_for(model, "failed")
        await expect(card.locator(".error")).to_have_text(sentence)
    await expect(visit.card("three").locator(".notes")).to_contain_text("Worth another try from ")
    await visit.page.unroute("**/chat/*")
    for model in sentences:
        await visit.card(model).get_by_role("button", name="Retry").click()
        await visit.wait_for(model, "answered")


async def test_an_id_with_slashes_and_colons_reaches_its_model(visitor: Visitor, demo: str) -> None:
    visit = await visitor.at(demo, "#model=groq:openai/gpt-oss-120b&model=no/such%3Fmodel%23%2541")
    await visit.ask("2 + 2?")
    card = await visit.wait_for("groq:openai/gpt-oss-120b", "answered")
    await expect(card.locator(".facts")).to_contain_text("openai/gpt-oss-120b")
    unknown = await visit.wait_for("no/such?model#%41", "failed")
    await expect(unknown.locator(".error")).to_contain_text("No installed plugin offers this model")
