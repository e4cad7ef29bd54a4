"""The plugin before it is opened: entry point, class, hooks and models."""

from importlib.metadata import entry_points

from coro_core.contract.errors import ProviderError
from coro_core.contract.hookspecs import CONTRACT_VERSION, ENTRY_POINT_GROUP, HookSpecs
from coro_core.contract.types import Model
from coro_core.plugins.adapter import ContractError, PluginAdapter
from coro_core.testing.conformance.failure import Failure, require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.provider import models
from coro_core.testing.conformance.registry import Checks
from coro_core.testing.conformance.side_effects import audited

CHECKS = Checks("Before it is opened")

MAX_MODELS = 1000


@CHECKS.add(
    "contract-version", "The class names the version of the contract that this core speaks."
)
async def _contract_version(plugin: PluginUnderTest) -> str:
    version = getattr(plugin.plugin_class, "coro_contract", None)
    require(
        version == CONTRACT_VERSION,
        f"coro_contract is {version!r}; this core speaks {CONTRACT_VERSION}.",
    )
    return f"contract {version}"


@CHECKS.add("entry-point", f"Exactly one entry point in the group {ENTRY_POINT_GROUP} names it.")
async def _entry_point(plugin: PluginUnderTest) -> str:
    package = plugin.plugin_class.__module__.partition(".")[0]
    mine = [
        point
        for point in entry_points(group=ENTRY_POINT_GROUP)
        if point.name == plugin.name or point.module.partition(".")[0] == package
    ]
    names = {point.name for point in mine if point.load() is plugin.plugin_class}
    require(names, "No installed entry point names this class; is the distribution installed?")
    require(len(names) == 1, f"More than one entry point names it: {', '.join(sorted(names))}.")
    (name,) = names
    claimed = [point for point in mine if point.name == name]
    require(len(claimed) == 1, f"More than one distribution claims the name {name}.")
    usable = name == name.lower() and name.replace("-", "").replace("_", "").isalnum()
    require(usable, f"The name {name!r} cannot be the prefix of a model id: use a-z, 0-9, - and _.")
    return name


@CHECKS.add(
    "constructor",
    "Its constructor takes no arguments and reads, opens and starts nothing.",
)
async def _constructor(plugin: PluginUnderTest) -> None:
    with audited() as side_effects:
        plugin.plugin_class()
    require(
        not side_effects, f"Its constructor does more than construct: {', '.join(side_effects)}."
    )


@CHECKS.add(
    "hooks",
    "Its hooks fit the contract: every required hook exists, each is marked with @hookimpl, and"
    " none is misspelt.",
    depends_on=("contract-version", "constructor"),
)
async def _hooks(plugin: PluginUnderTest) -> str:
    try:
        hooks = PluginAdapter(plugin.plugin_class)
    except ContractError as exc:
        raise Failure(f"The core refuses it: {exc}.") from None
    known = [name for name in vars(HookSpecs) if name.startswith("coro_")]
    for name in known:
        marked = hooks.implements(name) or getattr(hooks.plugin, name, None) is None
        require(marked, f"{name} is not marked with @hookimpl, so the core does not see it.")
    return ", ".join(name.removeprefix("coro_") for name in known if hooks.implements(name))


@CHECKS.add(
    "models-are-data",
    "coro_list_models returns models without a key, and reads, opens and starts nothing.",
    depends_on=("hooks",),
)
async def _models_are_data(plugin: PluginUnderTest) -> str:
    hooks = plugin.hooks()
    with audited() as side_effects:
        try:
            offered = models(hooks, plugin.environ)
        except ProviderError as error:
            raise Failure(f"coro_list_models raises an error without a key: {error}") from None
    require(not side_effects, f"coro_list_models does more than list: {', '.join(side_effects)}.")
    require(
        isinstance(offered, list | tuple), "coro_list_models does not return a list or a tuple."
    )
    require(
        all(isinstance(model, Model) for model in offered),
        "coro_list_models returns items that are not coro_core.Model.",
    )
    return f"{len(offered)} models"


@CHECKS.add(
    "simulator",
    "Its simulator yields the settings that lead to it, as strings.",
    depends_on=("hooks",),
)
async def _simulator(plugin: PluginUnderTest) -> str:
    require(plugin.hooks().implements("coro_simulator"), "It has no coro_simulator.")
    async with plugin.simulated() as simulation:
        settings = simulation.settings
    sound = all(isinstance(text, str) for pair in settings.items() for text in pair)
    require(settings and sound, "Its simulator does not yield a mapping of strings to strings.")
    return ", ".join(settings)


@CHECKS.add(
    "models-are-sound",
    "Its models have printable texts; no id and no candidate occurs twice.",
    depends_on=("models-are-data", "simulator"),
)
async def _models_are_sound(plugin: PluginUnderTest) -> str:
    async with plugin.simulated() as simulation:
        offered = models(plugin.hooks(), {**plugin.environ, **simulation.settings})
    require(len(offered) <= MAX_MODELS, f"It offers more than {MAX_MODELS} models.")
    ids = [model.id for model in offered]
    require(len(set(ids)) == len(ids), "Two of its models have the same id.")
    for model in offered:
        texts = (model.name, model.provider, model.cost, *model.candidates)
        plain = all(text.isprintable() and text == text.strip() for text in texts)
        require(plain, f"A text of {model.id} has spaces around it or unprintable characters.")
        once = len(set(model.candidates)) == len(model.candidates)
        require(once, f"{model.id} names an upstream candidate twice.")
    return ", ".join(ids[:5]) + (f", {len(ids) - 5} more" if len(ids) > 5 else "")


@CHECKS.add(
    "models-stay",
    "coro_list_models returns the same models at each call, with a key and without.",
    depends_on=("models-are-sound",),
)
async def _models_stay(plugin: PluginUnderTest) -> None:
    async with plugin.simulated() as simulation:
        environ = {**plugin.environ, **simulation.settings}
        hooks = plugin.hooks()
        first = list(models(hooks, environ))
        require(list(models(hooks, environ)) == first, "A second call returns other models.")
        require(
            list(models(plugin.hooks(), environ)) == first, "Another instance returns other models."
        )
        keyless = {name: environ[name] for name in environ if name not in simulation.key_names}
        require(list(models(hooks, keyless)) == first, "Without its key, it returns other models.")
