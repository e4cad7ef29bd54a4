"""Requests: the fields that a plugin sends. Answers: the fields that it reads."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import ModelUnavailable
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import Provider, models
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("Requests and answers")

_FOREIGN = (
    'Grüße, 世界! \U0001f469‍\U0001f680 שלום "quoted" \\ back\\slash <tag>'
    " & 100 % \n\t- and a second line"
)
_WORDS = " ".join(["One word after another."] * 10)
"""More words than the usual prompt."""
_LONG = "All work and no play. " * 4000
_SUFFIX = "-of-the-contract-1.5"


@CHECKS.add(
    "answer", "coro_generate returns the model's text in a Generation.", depends_on=("simulator",)
)
async def _answer(plugin: PluginUnderTest) -> None:
    said = "Four, says the contract."
    async with plugin.opened(Behaviour(answer=lambda model, prompt: said)) as provider:
        text = (await provider.generate()).text
        require(text == said, "It returns another text than the model's.")
        calls = len(provider.behaviour.calls)
        require(calls, "Its simulator recorded no call: use the Behaviour that it is given.")


@CHECKS.add(
    "answer-complete",
    "It returns the model's name, the finish reason and the token counts with the text.",
    depends_on=("answer",),
)
async def _answer_complete(plugin: PluginUnderTest) -> None:
    brief = Behaviour(answer=lambda model, prompt: "Read." if prompt == _WORDS else _WORDS)
    async with plugin.opened(brief) as provider:
        answer = await provider.generate()
        called = provider.behaviour.calls[-1].model
        read = (await provider.generate(_WORDS)).usage
    require(answer.model in (called, provider.model), "It does not pass on the model's name.")
    require(answer.finish_reason == "stop", f"finish_reason is {answer.finish_reason}, not stop.")
    asked, said = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
    require(asked and said, "It does not pass on the token counts of prompt and answer.")
    sound = asked < said and (read.input_tokens or 0) > (read.output_tokens or 0)
    require(sound, "The token counts of prompt and answer are not the provider's.")


@CHECKS.add(
    "answering-model",
    "When another model answers than the requested one, it names the one that answered.",
    depends_on=("answer-complete",),
)
async def _answering_model(plugin: PluginUnderTest) -> None:
    async with plugin.opened(Behaviour(reroutes={})) as provider:
        provider.behaviour.reroutes = {await provider.own_name(): "another-model"}
        named = (await provider.generate()).model
    require((named or "").endswith("another-model"), "It does not name the model that answered.")


@CHECKS.add(
    "any-text",
    "Prompts and answers in any script, with quotes, emoji and line breaks, arrive unchanged.",
    depends_on=("answer",),
)
async def _any_text(plugin: PluginUnderTest) -> None:
    seen: list[str] = []

    def echo(model: str, prompt: str) -> str:
        seen.append(prompt)
        return _FOREIGN

    async with plugin.opened(Behaviour(answer=echo)) as provider:
        answer = await provider.generate(_FOREIGN)
    require(seen == [_FOREIGN], "The prompt that arrives at the provider is changed.")
    require(answer.text == _FOREIGN, "The answer that it returns is changed.")


@CHECKS.add(
    "long-prompt", "A prompt of 88,000 characters arrives complete.", depends_on=("answer",)
)
async def _long_prompt(plugin: PluginUnderTest) -> None:
    seen: list[str] = []

    def note(model: str, prompt: str) -> str:
        seen.append(prompt)
        return "Read."

    async with plugin.opened(Behaviour(answer=note)) as provider:
        await provider.generate(_LONG)
    require(seen == [_LONG], "A long prompt arrives incomplete or changed.")


@CHECKS.add(
    "model-name",
    "It sends the upstream name unchanged, a name it does not know included.",
    depends_on=("answer",),
)
async def _model_name(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        # A known name with a suffix: a provider may require a certain prefix.
        name = f"{provider.model}{_SUFFIX}"
        with suppress(ModelUnavailable):
            await provider.generate(model=name)
        called = "".join(call.model for call in provider.behaviour.calls)
    unchanged = called.endswith(_SUFFIX) and name.endswith(called)
    require(unchanged, f"Asked for {name}, it calls {called or 'nothing'}.")


@CHECKS.add(
    "temperature",
    "It sends the temperature, 0 included.",
    depends_on=("answer",),
)
async def _temperature(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        for temperature in (0.25, 0.0, 1.0):
            await provider.generate(temperature=temperature)
        bodies = [call.body for call in provider.behaviour.calls]
    _require_field(bodies, (0.25, 0.0, 1.0), "temperature")


@CHECKS.add("max-tokens", "It sends max_tokens.", depends_on=("answer",))
async def _max_tokens(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        for max_tokens in (77, 1, 8000):
            await provider.generate(max_tokens=max_tokens)
        bodies = [call.body for call in provider.behaviour.calls]
    _require_field(bodies, (77, 1, 8000), "max_tokens")


@CHECKS.add(
    "every-model",
    "The simulator serves each model that the plugin offers, as the demo needs.",
    depends_on=("answer",),
)
async def _every_model(plugin: PluginUnderTest) -> None:
    async with plugin.opened() as provider:
        provider.behaviour.served = None
        for model in models(provider.hooks, provider.environ):
            require(
                any([await _is_served(provider, name) for name in model.candidates]),
                f"The simulator serves no candidate of {model.id}.",
            )


async def _is_served(provider: Provider, upstream: str) -> bool:
    try:
        await provider.generate(model=upstream)
    except ModelUnavailable:
        return False
    return True


def _require_field(
    bodies: Sequence[Mapping[str, object]], values: Sequence[float], what: str
) -> None:
    """Require one field of the bodies to hold these values, in their order."""
    places = [dict(_numbers(body)) for body in bodies]
    found = any(
        all(place.get(path) == value for place, value in zip(places, values, strict=True))
        for path in places[0]
    )
    sent = ", ".join(map(str, values))
    require(found, f"No field of the request bodies holds the values {sent} of {what}.")


def _numbers(value: object, path: str = "") -> Iterator[tuple[str, float]]:
    match value:
        case bool():
            return
        case int() | float():
            yield path, value
        case Mapping():
            for name, item in value.items():
                yield from _numbers(item, f"{path}.{name}")
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _numbers(item, f"{path}[{number}]")
