"""Common words and differences of the answers; the chart; copying."""

import json

import pytest
from playwright.async_api import expect

from support.browser import Visit
from support.server import Process
from web.browser.conftest import Visitor

AGREE = "They agree"
NEARLY = "They nearly agree"
DIFFER = "They differ"
LONG = "The quick brown fox jumps over the lazy dog while twenty small birds look on in silence."


async def ask_two(visit: Visit, left: str, right: str) -> None:
    await visit.ask(json.dumps({"one": left, "two": right}), "one", "two")
    await visit.all_done()


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("2 + 2 = 4.", "2 + 2 = 4", AGREE),
        ("**Paris**, of course!", "Paris of course", AGREE),
        ("- one\n- two", "1. One\n2. Two", AGREE),
        ("I am one-upstream.", "I am two-upstream.", AGREE),
        ("2 + 2 = 4.", "2 + 2 = 5.", DIFFER),
        ("2 + 2 = 4.", "2 - 2 = 4.", DIFFER),
        ("It is -4.", "It is 4.", DIFFER),
        ("x > 5", "x < 5", DIFFER),
        ("3.14", "3 14", DIFFER),
        (LONG, LONG.replace("silence", "awe"), NEARLY),
        (f"{LONG} 1", f"{LONG} 2", DIFFER),
        ("Paris is the capital of France", "France is the capital of Paris", DIFFER),
        ("\u5df4\u9ece\u662f\u6cd5\u56fd\u9996\u90fd", "\u4f26\u6566\u5728\u82f1\u56fd", DIFFER),
        ("\u5df4\u9ece", "\u5df4\u9ece\u3002", AGREE),
        ("---", "***", DIFFER),
    ],
)
async def test_answers_agree_by_their_words_and_figures(
    visitor: Visitor, script: str, left: str, right: str, verdict: str
) -> None:
    visit = await visitor.at(script)
    await ask_two(visit, left, right)
    notes = visit.page.locator(".agrees")
    status = visit.page.locator("#status")
    if verdict == DIFFER:
        await expect(status).to_have_text("2 of 2 answered.")
        await expect(notes).to_have_count(0)
    else:
        how = "agree" if verdict == AGREE else "nearly agree"
        await expect(status).to_have_text(f"2 of 2 answered. All 2 {how}.")
        verb = "Agrees with" if verdict == AGREE else "Nearly agrees with"
        await expect(notes).to_have_text([f"{verb} Two", f"{verb} One"])


async def test_answers_that_agree_are_marked_apart_from_those_that_do_not(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)
    said = {"one": "It is 4.", "two": "It is five.", "three": "It is 4!"}
    await visit.ask(json.dumps(said), "one", "two", "three")
    await visit.all_done()
    await expect(visit.page.locator("#status")).to_have_text("3 of 3 answered. 2 agree.")
    await expect(visit.card("one").locator(".agrees")).to_have_text("Agrees with Three")
    await expect(visit.card("two").locator(".agrees")).to_have_count(0)
    # The two that are compared first are two that do not agree.
    await expect(visit.page.get_by_label("First answer")).to_have_value("one")
    await expect(visit.page.get_by_label("Second answer")).to_have_value("two")


async def test_two_answers_are_compared_word_by_word(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    said = {"one": "A red fox ran home.", "two": "A brown fox ran away.", "three": "A red fox."}
    await visit.ask(json.dumps(said), "one", "two", "three")
    await visit.all_done()
    diff = visit.page.locator("#differences .diff")
    gone = "it => [...it.querySelectorAll('del')].map((it) => it.childNodes[1].data.trim())"
    new = gone.replace("del", "ins")
    assert await diff.evaluate(gone) == ["red", "home"]
    assert await diff.evaluate(new) == ["brown", "away"]
    await expect(diff).to_contain_text("[only in the first: red")
    await visit.page.get_by_label("Second answer").select_option("Three")
    await expect(diff.locator("ins")).to_have_count(0)
    assert " ".join(await diff.evaluate(gone)) == "ran home"
    await visit.page.get_by_label("Second answer").select_option("One")
    await expect(visit.page.locator("#differences .legend")).to_have_text("Word for word the same.")


@pytest.mark.parametrize("settings", [{"CORO_MAX_PROMPT_CHARS": "900000"}])
async def test_answers_that_are_too_different_to_compare_say_so(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    left, right = (" ".join(f"{word}{n}" for n in range(30_000)) for word in ("a", "b"))
    await ask_two(visit, left, right)
    await expect(visit.page.locator("#differences .legend")).to_have_text(
        "These answers are too long and too different to be compared."
    )


@pytest.mark.parametrize(
    "settings", [{"CORO_MAX_PROMPT_CHARS": "2000000", "CORO_MAX_BODY_BYTES": "4000000"}]
)
async def test_answers_of_the_greatest_length_do_not_hold_up_the_page(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    # They differ in no figure, but in a third of their words.
    left = ["".join("abcdefghij"[int(digit)] for digit in str(n)) for n in range(100_000)]
    right = ["zz" if place % 3 == 0 else word for place, word in enumerate(left)]
    await ask_two(visit, " ".join(left), " ".join(right))
    await expect(visit.page.locator("#status")).to_have_text("2 of 2 answered.")


@pytest.mark.parametrize("chars", [2_500, 30_000])
@pytest.mark.parametrize("viewport", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
async def test_the_page_ends_where_its_content_ends(
    visitor: Visitor, script: str, chars: int
) -> None:
    visit = await visitor.at(script)
    left, right = (
        " ".join(f"{word if n % 20 == 0 else 'same'}{n}" for n in range(chars))[:chars]
        for word in ("left", "right")
    )
    await ask_two(visit, left, right)
    await expect(visit.page.locator("#differences .diff ins").first).to_be_attached()
    document, content = await visit.evaluate(
        """() => [document.documentElement.scrollHeight,
                  document.querySelector(".foot").getBoundingClientRect().bottom + scrollY]"""
    )
    assert document == pytest.approx(content, abs=2)


async def test_the_chart_is_a_table_whose_bars_are_in_proportion(
    visitor: Visitor, demo: str
) -> None:
    visit = await visitor.at(demo)
    await visit.ask("2 + 2?")
    await visit.all_done()
    rows = visit.page.get_by_role("table", name="Time and length").locator("tbody tr")
    await expect(rows).to_have_count(5)
    measured = await rows.evaluate_all(
        """rows => rows.map((row) => [row.cells[0].textContent,
             row.cells[1].querySelector(".value").textContent,
             parseFloat(row.cells[1].querySelector(".measure").style.width)])"""
    )
    times = []
    for name, text, width in measured:
        card = visit.page.locator(".card", has=visit.page.get_by_role("heading", name=name))
        await expect(card.locator(".clock")).to_have_text(text)
        number, unit = text.split()
        times.append((float(number) * (1000 if unit == "s" else 1), width))
    assert times == sorted(times)
    slowest = times[-1][0]
    for time, width in times:
        assert width == pytest.approx(100 * time / slowest, abs=1)
    await expect(rows.locator("td:nth-child(3) .value")).to_have_text(["9"] * 5)


async def test_one_answer_is_copied_as_the_model_wrote_it(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    said = "# Title\n\n**bold** <b>x</b>"
    await visit.ask(json.dumps({"one": said}), "one")
    card = await visit.wait_for("one", "answered")
    await card.get_by_role("button", name="Copy").click()
    await expect(visit.page.locator("#said")).to_have_text("Copied")
    assert await visit.clipboard() == said


async def test_all_answers_are_copied_as_one_document(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    await visit.ask("A\nquestion", "one", "renamed", "limited")
    await visit.all_done()
    await visit.page.click("#copy-all")
    await expect(visit.page.locator("#copy-all")).to_have_text("Copied")
    document = await visit.clipboard()
    assert document.startswith("> A\n> question\n\n## One (`one`)\n\n*")
    assert " · 3 tokens · " in document
    assert "`one-upstream`*\n\nA\nquestion\n\n" in document
    assert "## new-name (`renamed`)" in document
    assert "old-name is no longer served; new-name answered.\n\nA\nquestion" in document
    assert "## Limited (`limited`)" in document
    assert "**Error:** Rate limit exceeded at Acme; try again in " in document


async def test_copying_works_where_the_browser_keeps_the_clipboard_to_itself(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.before(script)
    # As over plain http from another machine.
    await visit.page.add_init_script(
        "window.read = () => clip.readText(); const clip = navigator.clipboard;"
        "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
    )
    await visit.open()
    await visit.ask("Hello there", "one")
    card = await visit.wait_for("one", "answered")
    await card.get_by_role("button", name="Copy").click()
    await expect(card.get_by_role("button", name="Copy")).to_have_text("Copied")
    assert await visit.evaluate("() => window.read()") == "Hello there"


async def test_markdown_is_laid_out_and_raw_on_a_switch(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    said = "## Plan\n\n1. *one*\n2. `two`\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n```py\nx = 1\n```\n"
    said += "\n[site](https://example.invalid/a) ![pic](https://example.invalid/p.png)\n\n- [x] do"
    await visit.ask(json.dumps({"one": said}), "one")
    card = await visit.wait_for("one", "answered")
    body = card.locator(".body")
    await expect(body.locator("h5")).to_have_text("Plan")
    await expect(body.locator("ol li")).to_have_text(["one", "two"])
    await expect(body.locator("table td")).to_have_text(["1", "2"])
    await expect(body.locator("pre code")).to_have_text("x = 1\n")
    await expect(body.get_by_role("link")).to_have_text(["site", "Image: pic"])
    await expect(body.get_by_role("checkbox", name="done")).to_be_checked()
    raw = card.get_by_role("button", name="Raw")
    await expect(raw).to_have_attribute("aria-pressed", "false")
    await raw.click()
    await expect(raw).to_have_attribute("aria-pressed", "true")
    await expect(body.locator("pre.raw")).to_have_text(said)
    await raw.click()
    await expect(body.locator("h5")).to_have_text("Plan")
