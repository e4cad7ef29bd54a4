"""An answer can never run a script, load a resource or imitate the page."""

import json
from typing import Any

import pytest
from playwright.async_api import expect

from support.server import Process
from web.browser.conftest import Visitor

RUN = "window.ran=true"
HOSTILE = {
    "script": f"<script>{RUN}</script>",
    "script in upper case": f"<SCRIPT SRC=data:text/javascript,{RUN}></SCRIPT>",
    "handler": f"<img src=x onerror={RUN}>",
    "handler without quotes or spaces": f"<svg/onload={RUN}>",
    "body handler": f"<body onload={RUN}><details open ontoggle={RUN}>x</details>",
    "autofocus": f"<input autofocus onfocus={RUN}>",
    "javascript link": f"[click](javascript:{RUN})",
    "javascript link, hidden": f"[click](java\tscript:{RUN}) <javascript:{RUN}>",
    "javascript link with entities": f"[click](&#106;avascript&colon;{RUN})",
    "javascript link as markup": f'<a href="javascript:{RUN}">click</a>',
    "data link": f"[click](data:text/html,<script>{RUN}</script>)",
    "vbscript and file links": "[a](vbscript:x) [b](file:///etc/passwd) [c](blob:x)",
    "reference link": f"[click][1]\n\n[1]: javascript:{RUN}",
    "link that breaks out": f'[click](https://x.invalid/"onmouseover="{RUN})',
    "title that breaks out": f"[click](https://x.invalid '\"onmouseover=\"{RUN}')",
    "picture that breaks out": f'![" onerror="{RUN}](https://x.invalid/"onerror="{RUN})',
    "picture": "![a](https://tracker.invalid/pixel.png) ![](//tracker.invalid/b.png)",
    "picture as markup": '<img src="https://tracker.invalid/pixel.png">',
    "mutating svg": f"<svg><style><!--</style><img src=x onerror={RUN}>--></svg>",
    "mutating math": f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    "style": "<style>body { display: none }</style><p style='position:fixed;inset:0'>x</p>",
    "frame": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "object": f"<object data=data:text/html,{RUN}></object><embed src=x>",
    "form": "<form action=https://x.invalid><input name=password><button>Log in</button></form>",
    "refresh": "<meta http-equiv=refresh content='0;url=https://x.invalid'>",
    "base": "<base href=https://x.invalid/><link rel=stylesheet href=https://x.invalid/a.css>",
    "clobbering": "<form id=prompt><input id=cards name=body></form><a id=theme name=form>x</a>",
    "template": f"<template><script>{RUN}</script></template><noscript><p title='</noscript>'>",
    "unclosed": f"<div><p><b><a href='https://x.invalid<script>{RUN}",
    "comment": f"<!--><script>{RUN}</script>--> <![CDATA[<script>{RUN}</script>]]>",
    "code fence": f"```<script>{RUN}</script>\n</code></pre><script>{RUN}</script>\n```",
    "language of a fence": f'```"onmouseover="{RUN}"\nx\n```',
    "table": f"| a |\n|---|\n| <img src=x onerror={RUN}> |",
    "heading": f"# <script>{RUN}</script>",
    "prototype": "[a](__proto__) __proto__ constructor [constructor]: /x",
    "tasks": "- [x] done\n- [ ] <input type=file>",
}
TAGS = (
    "p br hr h4 h5 h6 ul ol li blockquote pre code table thead tbody tr th td div"
    " a em strong b i u s del ins mark sub sup kbd input"
)
ATTRIBUTES = (
    "dir href target rel title start align type checked disabled class role tabindex aria-label"
)

FOUND = """() => {
  const body = document.querySelector(".body");
  return {
    text: body.textContent,
    tags: [...body.querySelectorAll("*")].map((it) => it.localName),
    attributes: [...body.querySelectorAll("*")].flatMap((it) => it.getAttributeNames()),
    classes: [...body.querySelectorAll("[class]")].map((it) => it.className),
    inputs: [...body.querySelectorAll("input")].map((it) => it.type + it.disabled),
    links: [...body.querySelectorAll("a")].map((it) => [it.protocol, it.target, it.rel]),
    ran: window.ran === true,
    polluted: Object.keys(Object.prototype).length > 0,
  };
}"""


async def test_a_hostile_answer_is_only_text(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    visit.page.on("dialog", lambda dialog: visit.faults.append(f"dialog: {dialog.message}"))
    await visit.choose("one")
    for what, said in HOSTILE.items():
        await visit.ask(json.dumps({"one": said}))
        card = visit.card("one").filter(has=visit.page.get_by_role("button", name="Raw"))
        await card.locator(".body").hover()
        judge(what, await visit.evaluate(FOUND))
        # The other way that an answer is shown.
        await card.get_by_role("button", name="Raw").click()
        await expect(card.locator(".body pre.raw")).to_have_text(said)
        judge(what, await visit.evaluate(FOUND))
        assert len(visit.page.frames) == len(visit.page.context.pages) == 1, what


def judge(what: str, found: dict[str, Any]) -> None:
    """Fail if an answer became more than text, tables and harmless links."""
    assert not found["ran"], what
    assert not found["polluted"], what
    assert set(found["tags"]) <= set(TAGS.split()), what
    assert set(found["attributes"]) <= set(ATTRIBUTES.split()), what
    assert set(found["classes"]) <= {"raw", "wide"}, what
    assert set(found["inputs"]) <= {"checkboxtrue"}, what
    for protocol, target, rel in found["links"]:
        # One without an address is no link at all.
        assert protocol in ("http:", "https:", ":"), what
        if protocol != ":":
            assert (target, rel) == ("_blank", "noopener noreferrer nofollow"), what


async def test_markup_is_shown_rather_than_lost(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    said = "Put <script> into <div>, not <my-tag attr>. First<br>second, H<sub>2</sub>O."
    await visit.ask(json.dumps({"one": said}), "one")
    card = await visit.wait_for("one", "answered")
    await expect(card.locator(".body")).to_have_text(
        "Put <script> into <div>, not <my-tag attr>. First second, H2O.", use_inner_text=True
    )
    await expect(card.locator(".body br")).to_have_count(1)
    await expect(card.locator(".body sub")).to_have_text("2")


async def test_the_differences_of_hostile_answers_are_only_text(
    visitor: Visitor, script: str
) -> None:
    visit = await visitor.at(script)
    left, right = HOSTILE["handler"], HOSTILE["script"]
    await visit.ask(json.dumps({"one": left, "two": right}), "one", "two")
    await visit.all_done()
    diff = visit.page.locator("#differences .diff")
    await expect(diff).to_contain_text("onerror")
    tags = await diff.evaluate("it => [...it.querySelectorAll('*')].map((it) => it.localName)")
    assert set(tags) <= {"del", "ins", "span"}
    assert await visit.evaluate("() => window.ran") is None


@pytest.mark.parametrize(
    "said",
    ["> " * 19_000 + "x", "[" * 39_000, "_a" * 20_000, "- " * 19_000, "`" * 30_000 + " x"],
    ids=["quotes", "brackets", "lines", "lists", "ticks"],
)
async def test_a_giant_or_nested_answer_is_shown_and_the_page_lives(
    visitor: Visitor, script: str, said: str
) -> None:
    visit = await visitor.at(script)
    await visit.ask(said, "one")
    await visit.wait_for("one", "answered")
    await visit.ask("next", "two")
    await visit.wait_for("two", "answered")


@pytest.mark.parametrize("settings", [{"CORO_MAX_PROMPT_CHARS": "500000"}])
async def test_an_answer_past_the_limit_is_plain_text_and_says_so(
    app: Process, visitor: Visitor
) -> None:
    visit = await visitor.at(app.address())
    await visit.ask("**bold** " * 12_000, "one")
    card = await visit.wait_for("one", "answered")
    await expect(card.locator(".body strong")).to_have_count(0)
    await expect(card.locator(".notes")).to_contain_text("too long to be laid out")


async def test_a_change_of_direction_ends_with_its_paragraph(visitor: Visitor, script: str) -> None:
    visit = await visitor.at(script)
    await visit.ask(json.dumps({"one": "\u202eevil\n\n\u05e9\u05dc\u05d5\u05dd\n\nplain"}), "one")
    card = await visit.wait_for("one", "answered")
    directions = await card.locator(".body p").evaluate_all(
        "all => all.map((it) => getComputedStyle(it).direction)"
    )
    assert directions == ["ltr", "rtl", "ltr"]
    box = card.locator(".body")
    assert await box.evaluate("it => getComputedStyle(it).unicodeBidi") == "isolate"
