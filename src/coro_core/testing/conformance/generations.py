"""What a plugin sends and what it makes of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import ModelUnavailable
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import Provider, models
from coro_core.testing.conformance.registry import Checks

CHECKS = Checks("What it sends, and what it makes of an answer")

_FOREIGN = (
    'Grüße, 世界! \U0001f469‍\U0001f680 שלום "quoted" \\ back\\slash <tag>'
    " & 100 % \n\t- and a second line"
)
_WORDS = " ".join(["One word after another."] * 10)
"""More than the usual prompt has."""
_LONG = "All work and no play. " * 4000
_SUFFIX = "-of-the-contract-1.5"


@CHECKS.add(
    "answer", "coro_generate returns the model's text, in a Generation.", needs=("simulator",)
)
async def _answer(subject: PluginUnderTest) -> None:
    said = "Four, says the contract."
    async with subject.opened(Behaviour(answer=lambda model, prompt: said)) as provider:
        text = (await provider.generate()).text
        require(text == said, "The text that it returns is not the one that the model said.")
        calls = len(provider.behaviour.calls)
        require(calls, "Its simulator has noted no call: use the Behaviour that it is given.")


@CHECKS.add(
    "answer-complete",
    "With the text come the model's name, why it stopped, and the tokens as counted.",
    needs=("answer",),
)
async def _answer_complete(subject: PluginUnderTest) -> None:
    brief = Behaviour(answer=lambda model, prompt: "Read." if prompt == _WORDS else _WORDS)
    async with subject.opened(brief) as provider:
        answer = await provider.generate()
        called = provider.behaviour.calls[-1].model
        read = (await provider.generate(_WORDS)).usage
    require(answer.model in (called, provider.model), "It does not pass the model's name on.")
    require(answer.finish_reason == "stop", f"finish_reason is {answer.finish_reason}, not stop.")
    asked, said = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
    require(asked and said, "It does not pass on the tokens of prompt and answer.")
    sound = asked < said and (read.input_tokens or 0) > (read.output_tokens or 0)
    require(sound, "The tokens of prompt and answer are not those that the provider counted.")


@CHECKS.add(
    "answering-model",
    "When another model answers than was asked, the answer says which.",
    needs=("answer-complete",),
)
async def _answering_model(subject: PluginUnderTest) -> None:
    async with subject.opened(Behaviour(reroutes={})) as provider:
        provider.behaviour.reroutes = {await provider.own_name(): "another-model"}
        named = (await provider.generate()).model
    require((named or "").endswith("another-model"), "It does not name the one that answered.")


@CHECKS.add(
    "any-text",
    "Prompts and answers of any script, with quotes, emoji and line breaks, arrive as they are.",
    needs=("answer",),
)
async def _any_text(subject: PluginUnderTest) -> None:
    seen: list[str] = []

    def echo(model: str, prompt: str) -> str:
        seen.append(prompt)
        return _FOREIGN

    async with subject.opened(Behaviour(answer=echo)) as provider:
        answer = await provider.generate(_FOREIGN)
    require(seen == [_FOREIGN], "The prompt arrives at the provider changed.")
    require(answer.text == _FOREIGN, "The answer comes back changed.")


@CHECKS.add("long-prompt", "A prompt of 88,000 characters arrives whole.", needs=("answer",))
async def _long_prompt(subject: PluginUnderTest) -> None:
    seen: list[str] = []

    def note(model: str, prompt: str) -> str:
        seen.append(prompt)
        return "Read."

    async with subject.opened(Behaviour(answer=note)) as provider:
        await provider.generate(_LONG)
    require(seen == [_LONG], "A long prompt arrives cut or changed.")


@CHECKS.add(
    "model-name",
    "The upstream name is sent as it is: no name is needed to be known before.",
    needs=("answer",),
)
async def _model_name(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        # Beside one that is known: a provider's names may have to begin in a certain way.
        name = f"{provider.model}{_SUFFIX}"
        with suppress(ModelUnavailable):
            await provider.generate(model=name)
        called = "".join(call.model for call in provider.behaviour.calls)
    kept = called.endswith(_SUFFIX) and name.endswith(called)
    require(kept, f"Asked for {name}, it calls {called or 'nothing'}.")


@CHECKS.add(
    "temperature",
    "The temperature is sent, 0 as well as any other.",
    needs=("answer",),
)
async def _temperature(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        for temperature in (0.25, 0.0, 1.0):
            await provider.generate(temperature=temperature)
        bodies = [call.body for call in provider.behaviour.calls]
    _demand_field(bodies, (0.25, 0.0, 1.0), "temperature")


@CHECKS.add("max-tokens", "max_tokens is sent.", needs=("answer",))
async def _max_tokens(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        for max_tokens in (77, 1, 8000):
            await provider.generate(max_tokens=max_tokens)
        bodies = [call.body for call in provider.behaviour.calls]
    _demand_field(bodies, (77, 1, 8000), "max_tokens")


@CHECKS.add(
    "every-model",
    "Each model that it offers is answered by the simulator as it is by itself: in the demo.",
    needs=("answer",),
)
async def _every_model(subject: PluginUnderTest) -> None:
    async with subject.opened() as provider:
        provider.behaviour.served = None
        for model in models(provider.hooks, provider.environ):
            require(
                any([await _is_served(provider, name) for name in model.candidates]),
                f"None of the candidates of {model.id} is served by the simulator.",
            )


async def _is_served(provider: Provider, upstream: str) -> bool:
    try:
        await provider.generate(model=upstream)
    except ModelUnavailable:
        return False
    return True


def _demand_field(
    bodies: Sequence[Mapping[str, object]], values: Sequence[float], what: str
) -> None:
    """Demand that one place in the bodies holds these values, one after the other."""
    places = [dict(_numbers(body)) for body in bodies]
    found = any(
        all(place.get(path) == value for place, value in zip(places, values, strict=True))
        for path in places[0]
    )
    sent = ", ".join(map(str, values))
    require(found, f"No field of the calls' bodies has {sent} when {what} has.")


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
