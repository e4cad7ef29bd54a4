"""What a plugin is before it is opened: plain data."""

from importlib.metadata import entry_points

from coro_core.contract.errors import ProviderError
from coro_core.contract.hookspecs import CONTRACT_VERSION, ENTRY_POINT_GROUP, HookSpecs
from coro_core.contract.types import Model
from coro_core.plugins.adapter import ContractError, PluginAdapter
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import models
from coro_core.testing.conformance.registry import Checks
from coro_core.testing.conformance.side_effects import noting

CHECKS = Checks("What it is before it is opened")

MAX_MODELS = 1000


@CHECKS.add(
    "contract-version", "The class says which version of the contract it keeps: this core's."
)
async def _contract_version(subject: PluginUnderTest) -> str:
    version = getattr(subject.plugin, "coro_contract", None)
    require(
        version == CONTRACT_VERSION,
        f"coro_contract is {version!r}; this core speaks {CONTRACT_VERSION}.",
    )
    return f"contract {version}"


@CHECKS.add(
    "entry-point", f"An entry point in the group {ENTRY_POINT_GROUP} names it, and no other."
)
async def _entry_point(subject: PluginUnderTest) -> str:
    package = subject.plugin.__module__.partition(".")[0]
    mine = [
        point
        for point in entry_points(group=ENTRY_POINT_GROUP)
        if point.name == subject.name or point.module.partition(".")[0] == package
    ]
    names = {point.name for point in mine if point.load() is subject.plugin}
    require(names, "No installed entry point leads to this class; is the distribution installed?")
    require(len(names) == 1, f"More than one entry point leads to it: {', '.join(sorted(names))}.")
    (name,) = names
    claimed = [point for point in mine if point.name == name]
    require(len(claimed) == 1, f"More than one distribution claims the name {name}.")
    usable = name == name.lower() and name.replace("-", "").replace("_", "").isalnum()
    require(usable, f"The name {name!r} cannot stand before the colon of an id: use a-z, 0-9, - _.")
    return name


@CHECKS.add(
    "constructor",
    "It is constructed without arguments, and that reads, opens and starts nothing.",
)
async def _constructor(subject: PluginUnderTest) -> None:
    with noting() as doings:
        subject.plugin()
    require(not doings, f"Its constructor does more than construct: {', '.join(doings)}.")


@CHECKS.add(
    "hooks",
    "Its hooks fit the contract: the required ones are there, each is marked with @hookimpl, and"
    " none is misspelt.",
    needs=("contract-version", "constructor"),
)
async def _hooks(subject: PluginUnderTest) -> str:
    try:
        hooks = PluginAdapter(subject.plugin)
    except ContractError as exc:
        raise Failure(f"The core refuses it: {exc}.") from None
    known = [name for name in vars(HookSpecs) if name.startswith("coro_")]
    for name in known:
        marked = hooks.implements(name) or getattr(hooks.plugin, name, None) is None
        require(marked, f"{name} is not marked with @hookimpl, so the core does not see it.")
    return ", ".join(name.removeprefix("coro_") for name in known if hooks.implements(name))


@CHECKS.add(
    "models-are-data",
    "coro_list_models returns models at once: without a key, without reading, opening or starting"
    " anything.",
    needs=("hooks",),
)
async def _models_are_data(subject: PluginUnderTest) -> str:
    hooks = subject.hooks()
    with noting() as doings:
        try:
            offered = models(hooks, subject.environ)
        except ProviderError as error:
            raise Failure(f"coro_list_models raises without a key: {error}") from None
    require(not doings, f"coro_list_models does more than list: {', '.join(doings)}.")
    require(isinstance(offered, list | tuple), "coro_list_models returns no list or tuple.")
    require(
        all(isinstance(model, Model) for model in offered), "What it lists is not coro_core.Model."
    )
    return f"{len(offered)} models"


@CHECKS.add(
    "simulator",
    "It brings a simulator that yields the settings leading to it, as texts.",
    needs=("hooks",),
)
async def _simulator(subject: PluginUnderTest) -> str:
    require(subject.hooks().implements("coro_simulator"), "It has no coro_simulator.")
    async with subject.simulated() as simulation:
        settings = simulation.settings
    sound = all(isinstance(text, str) for pair in settings.items() for text in pair)
    require(settings and sound, "Its simulator does not yield a mapping of texts to texts.")
    return ", ".join(settings)


@CHECKS.add(
    "models-are-sound",
    "What it offers can be shown and told apart: printable texts, no id and no candidate twice.",
    needs=("models-are-data", "simulator"),
)
async def _models_are_sound(subject: PluginUnderTest) -> str:
    async with subject.simulated() as simulation:
        offered = models(subject.hooks(), {**subject.environ, **simulation.settings})
    require(len(offered) <= MAX_MODELS, f"It offers more than {MAX_MODELS} models.")
    ids = [model.id for model in offered]
    require(len(set(ids)) == len(ids), "Two of its models have the same id.")
    for model in offered:
        texts = (model.name, model.provider, model.cost, *model.candidates)
        plain = all(text.isprintable() and text == text.strip() for text in texts)
        require(plain, f"A text of {model.id} has spaces around it, or what cannot be printed.")
        once = len(set(model.candidates)) == len(model.candidates)
        require(once, f"{model.id} names an upstream candidate twice.")
    return ", ".join(ids[:5]) + (f", {len(ids) - 5} more" if len(ids) > 5 else "")


@CHECKS.add(
    "models-stay",
    "coro_list_models says the same each time it is asked, with a key and without.",
    needs=("models-are-sound",),
)
async def _models_stay(subject: PluginUnderTest) -> None:
    async with subject.simulated() as simulation:
        environ = {**subject.environ, **simulation.settings}
        hooks = subject.hooks()
        first = list(models(hooks, environ))
        require(list(models(hooks, environ)) == first, "Asked again, it lists others.")
        require(list(models(subject.hooks(), environ)) == first, "Another instance lists others.")
        keyless = {name: environ[name] for name in environ if name not in simulation.key_names}
        require(list(models(hooks, keyless)) == first, "Without its key, it lists others.")
