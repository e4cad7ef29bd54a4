"""The form: chips, limits, the state in the address, and what is copied."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from support.plugins import NO_REAL_PLUGINS
from support.server import Process
from web.browser.conftest import Visitor

STATE = """() => ({
  prompt: document.getElementById("prompt").value,
  models: [...document.querySelectorAll(".chip input:checked")].map((it) => it.value),
  temperature: document.getElementById("temperature").value,
  max_tokens: document.getElementById("max_tokens").value,
  timeout: document.getElementById("timeout").value,
})"""
HARD = "Don't \"stop\" at `ls` $HOME & \\n\n100% #1 ?a=b+c, ünï 汉字 🎵 '; echo pwned"


async def test_a_chip_says_who_runs_a_model_what_it_costs_and_why_it_cannot_be_asked(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)
    chip = visit.page.locator(".chip")
    await expect(chip.filter(has_text="One").first).to_contain_text("Acme · free")
    gemini = visit.page.get_by_role("checkbox", name="Gemini 1.5 Flash")
    await expect(gemini).to_have_attribute("aria-disabled", "true")
    await expect(gemini).to_have_accessible_description(
        "Gemini 1.5 Flash: GEMINI_API_KEY is not set; get one at"
        " https://aistudio.google.com/apikey."
    )
    await expect(gemini).to_have_accessible_name("Gemini 1.5 Flash Google · free not available")
    await gemini.focus()
    await visit.page.keyboard.press("Space")
    await expect(gemini).not_to_be_checked()
    reasons = visit.page.locator("#reasons")
    await expect(reasons).to_contain_text("Llama 3.1 70B, Llama 3.1 8B, Mixtral 8x7B: GROQ_API_KEY")
    await expect(reasons.get_by_role("link", name="https://console.groq.com/keys")).to_be_visible()


async def test_all_and_none_choose_what_can_be_asked(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    expected = ["one", "two", "three", "held", "release", "cut", "limited", "fails-once", "renamed"]
    assert sorted((await visit.evaluate(STATE))["models"]) == sorted(expected)
    await visit.page.click("#none")
    assert (await visit.evaluate(STATE))["models"] == []
    await visit.page.click("#all")
    assert sorted((await visit.evaluate(STATE))["models"]) == sorted(expected)


async def test_more_models_are_those_of_the_providers_lists(visitor: Visitor, demo: str) -> None:
    visit = await visitor.at(demo)
    await visit.choose("gemini")
    await visit.page.click("#more")
    own = visit.page.locator('.chip input[value="groq:groq/compound"]')
    await expect(own).to_be_attached()
    assert (await visit.evaluate(STATE))["models"] == ["gemini"]
    await visit.ask("1 + 1", "groq:groq/compound", "gemini")
    await visit.wait_for("groq:groq/compound", "answered")


async def test_the_long_list_has_a_filter_and_names_each_upstream_model_once(
    visitor: Visitor, demo: str
) -> None:
    visit = await visitor.at(demo)
    await expect(visit.page.locator("#filter")).to_be_hidden()
    await visit.page.click("#more")
    await expect(visit.page.locator("#filter")).to_be_visible()
    chips = visit.page.locator(".chip")
    names = await chips.locator(".name").all_inner_texts()
    assert len(names) == len(set(names))
    assert "see the provider" not in await visit.page.locator("#chips").inner_text()
    await visit.page.click("#none")
    await visit.page.fill("#filter", "GROQ compound")
    await visit.page.locator("#filter").press("Enter")
    assert await visit.page.locator(".card").count() == 0
    await expect(visit.page.locator(".chip:visible .name")).to_have_text(
        ["groq/compound", "groq/compound-mini"]
    )
    await visit.page.click("#all")
    chosen = ["groq:groq/compound", "groq:groq/compound-mini"]
    assert (await visit.evaluate(STATE))["models"] == chosen
    await visit.page.fill("#filter", "gemini")
    await expect(visit.page.locator("#tally")).to_have_text(f"4 of {len(names)} shown, 2 chosen.")


async def test_a_chip_names_the_model_that_answers_and_the_id_beside_it(
    visitor: Visitor, demo: str
) -> None:
    visit = await visitor.at(demo)
    chip = visit.page.locator('.chip:has(input[value="gemini"])')
    await expect(chip.locator(".name")).to_have_text("gemini-3.5-flash-lite")
    await expect(chip.locator(".id")).to_have_text("gemini")


@pytest.mark.parametrize("prompt", ["Hello", HARD, "__proto__=1&constructor#x"])
async def test_the_form_comes_back_from_its_address(
    visitor: Visitor, script: str, prompt: str
) -> None:
    visit = await visitor.at(script)
    await visit.choose("two", "three")
    await visit.page.fill("#temperature", "0.25")
    await visit.page.fill("#max_tokens", "77")
    await visit.page.fill("#timeout", "12.5")
    await visit.ask(prompt)
    await visit.all_done()
    address = visit.page.url
    assert address.startswith(f"{script}/#")
    state = await visit.evaluate(STATE)
    assert state == {
        "prompt": prompt,
        "models": ["two", "three"],
        "temperature": "0.25",
        "max_tokens": "77",
        "timeout": "12.5",
    }
    other = await visitor.before(script)
    sent: list[str] = []
    other.page.on("request", lambda request: sent.append(request.url))
    await other.open(address.partition("/#")[2].join(["#", ""]))
    assert await other.evaluate(STATE) == state
    # Nothing is asked before the visitor says so, and the prompt went nowhere.
    await expect(other.page.locator("#empty")).to_be_visible()
    assert not any("prompt" in url or "/chat" in url for url in sent)


async def test_another_link_to_the_page_fills_the_form_again(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script, "#prompt=first&model=one")
    await visit.evaluate("() => { location.hash = 'prompt=second&model=two&model=three' }")
    await expect(visit.page.locator("#prompt")).to_have_value("second")
    assert (await visit.evaluate(STATE))["models"] == ["two", "three"]


async def test_a_broken_address_does_no_harm(visitor: Visitor, script: str) -> None:
    fragment = "#temperature=hot&max_tokens=NaN&timeout=%00&model=&prompt=%E0%A4%A"
    visit = await visitor.at(script, fragment)
    state = await visit.evaluate(STATE)
    assert (state["temperature"], state["max_tokens"], state["timeout"]) == ("0.7", "512", "")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("prompt", "  \n ", "Write a prompt first."),
        ("max_tokens", "0", "Max tokens must be a whole number from 1 to 8192."),
        ("max_tokens", "8193", "Max tokens must be a whole number from 1 to 8192."),
        ("max_tokens", "1.5", "Max tokens must be a whole number from 1 to 8192."),
        ("max_tokens", "", "Max tokens must be a whole number from 1 to 8192."),
        ("timeout", "0", "The time limit must be more than 0 and at most 60 s."),
        ("timeout", "61", "The time limit must be more than 0 and at most 60 s."),
    ],
)
async def test_what_cannot_be_asked_is_said_and_the_keyboard_is_taken_there(
    visitor: Visitor, script: str, field: str, value: str, sentence: str
) -> None:
    visit = await visitor.at(script, "#prompt=Hello")
    await visit.page.fill(f"#{field}", value)
    await visit.page.keyboard.press("Control+Enter")
    await expect(visit.page.get_by_role("alert")).to_have_text(sentence)
    await expect(visit.page.locator(f"#{field}")).to_be_focused()
    await expect(visit.page.locator(".card")).to_have_count(0)


@pytest.mark.parametrize("viewport", [(390, 664), (1280, 500)], ids=["phone", "low"])
async def test_a_complaint_stands_at_its_field_in_sight(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script, "#model=one")
    inside = """(id) => {
      const at = (it) => document.querySelector(it).getBoundingClientRect();
      const [said, field] = [at("#complaint"), at(id)];
      return [said.top >= 0 && said.bottom <= innerHeight, Math.abs(said.top - field.bottom)];
    }"""
    await visit.ask("Hello", "one")
    await visit.all_done()
    await visit.page.fill("#prompt", "")
    await visit.evaluate("() => document.querySelector('#submit').scrollIntoView({block: 'start'})")
    await visit.page.evaluate("() => document.activeElement.blur()")
    await visit.page.keyboard.press("Control+Enter")
    await expect(visit.page.get_by_role("alert")).to_have_text("Write a prompt first.")
    await expect(visit.page.locator("#complaint")).to_be_in_viewport(ratio=1)
    seen, distance = await visit.evaluate(inside, "#prompt")
    assert (seen, distance < 40) == (True, True)
    await expect(visit.page.locator("#prompt")).to_be_focused()
    await expect(visit.page.locator("#prompt")).to_have_attribute("aria-invalid", "true")
    await visit.page.keyboard.type("x")
    await expect(visit.page.locator("#prompt")).not_to_have_attribute("aria-invalid", "true")


async def test_a_link_that_names_unavailable_models_says_which_were_left_out(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script, "#prompt=Hello&model=one&model=gemini&model=deepseek")
    assert (await visit.evaluate(STATE))["models"] == ["one"]
    await expect(visit.page.locator("#left-out")).to_have_text(
        "Left out, because they are not available: Gemini 1.5 Flash and DeepSeek V2.5."
    )
    await visit.evaluate("() => { location.hash = 'prompt=Hello&model=one' }")
    await expect(visit.page.locator("#left-out")).to_be_empty()
    await visit.evaluate("() => { location.hash = 'prompt=Hello&model=gemini' }")
    await expect(visit.page.locator("#left-out")).to_have_text(
        "Left out, because it is not available: Gemini 1.5 Flash."
    )


async def test_no_model_is_no_question(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script, "#prompt=Hello&model=")
    await visit.page.keyboard.press("Control+Enter")
    complaint = visit.page.get_by_role("alert")
    await expect(complaint).to_have_text("Choose at least one model.")
    await visit.page.click("#all")
    await expect(complaint).to_be_empty()


@pytest.mark.parametrize("settings", [{"CORO_MAX_PROMPT_CHARS": "20"}])
async def test_a_prompt_that_is_too_long_is_counted_as_the_server_counts(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    count = visit.page.locator("#count")
    await visit.page.fill("#prompt", "🎵" * 19)
    await expect(count).to_have_text("1 character left")
    await visit.page.fill("#prompt", "🎵" * 18)
    await expect(count).to_have_text("2 characters left")
    await visit.page.fill("#prompt", "🎵" * 21)
    await expect(count).to_have_text("1 character too many")
    await visit.page.keyboard.press("Control+Enter")
    await expect(visit.page.get_by_role("alert")).to_have_text("The prompt is too long.")
    await visit.ask("🎵" * 20, "one")
    await visit.wait_for("one", "answered")


async def test_the_request_is_what_the_form_says(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    bodies: list[object] = []
    visit.page.on(
        "request", lambda it: bodies.append(it.post_data_json) if it.method == "POST" else None
    )
    await visit.page.fill("#temperature", "0")
    await visit.page.fill("#max_tokens", "8192")
    await visit.ask(HARD, "one")
    await visit.wait_for("one", "answered")
    await visit.page.fill("#timeout", "7")
    await visit.ask("Hello", "one")
    await visit.wait_for("one", "answered")
    assert bodies == [
        {"prompt": HARD, "temperature": 0, "max_tokens": 8192},
        {"prompt": "Hello", "temperature": 0, "max_tokens": 8192, "timeout": 7},
    ]


async def test_the_curl_call_does_the_same_in_a_shell(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    await visit.choose("one", "two")
    await visit.page.fill("#prompt", HARD)
    await visit.page.click("#curl")
    await expect(visit.page.locator("#curl")).to_have_text("Copied")
    command = await visit.clipboard()
    assert command.startswith(f"curl -X POST '{script}/chat'")
    shell = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE)
    output, _ = await shell.communicate()
    rows = json.loads(output)["responses"]
    assert [(row["model"], row["response"]) for row in rows] == [("one", HARD), ("two", HARD)]
    await expect(visit.page.locator("#curl")).to_have_text("Copy curl")


async def test_models_that_cannot_be_listed_are_asked_for_again(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.before(script)
    down = True

    async def reply(route: Route) -> None:
        await (route.abort() if down else route.continue_())

    await visit.page.route("**/models", reply)
    await visit.page.goto(f"{script}/#prompt=Hello&model=two")
    failed = visit.page.locator("#chips .failed")
    await expect(failed).to_contain_text("The server cannot be reached.")
    down = False
    await failed.get_by_role("button", name="Try again").click()
    await expect(visit.page.locator(".chip input").first).to_be_attached()
    assert (await visit.evaluate(STATE))["models"] == ["two"]


async def test_more_models_that_cannot_be_listed_cost_nothing_that_was_there(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script, "#prompt=Hello&model=two")
    before = await visit.page.locator(".chip").count()
    await visit.page.route("**/models?all=true", lambda route: route.abort())
    await visit.page.click("#more")
    failed = visit.page.locator("#chips .failed")
    await expect(failed).to_contain_text("The server cannot be reached.")
    await expect(visit.page.locator(".chip")).to_have_count(before)
    await visit.page.keyboard.press("Control+Enter")
    await visit.wait_for("two", "answered")
    await visit.page.unroute("**/models?all=true")
    await failed.get_by_role("button", name="Try again").focus()
    await visit.page.keyboard.press("Enter")
    await expect(failed).to_have_count(0)
    assert (await visit.evaluate(STATE))["models"] == ["two"]
    # The button that had the focus is gone: the keyboard stays among the models.
    await expect(visit.page.locator(".chip input").first).to_be_focused()


async def test_a_server_without_models_says_what_to_do(visitor: Visitor, tmp_path: Path) -> None:
    with Process("serve", "--port", "0", cwd=tmp_path, environ=NO_REAL_PLUGINS) as server:
        visit = await visitor.before(server.address())
        await visit.page.goto(server.address())
        await expect(visit.page.locator("#chips")).to_contain_text(
            "No installed plugin offers a model. Install one"
        )


async def test_an_example_fills_the_prompt(visitor: Visitor, demo: str) -> None:
    visit = await visitor.at(demo)
    example = visit.page.locator(".example").first
    text = await example.inner_text()
    await example.click()
    await expect(visit.page.locator("#prompt")).to_have_value(text)
    await expect(visit.page.locator("#prompt")).to_be_focused()
