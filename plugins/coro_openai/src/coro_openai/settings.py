"""The settings of every service: the variables `CORO_OPENAI_<NAME>_...`, and reading them.

A problem with one service is recorded with that service, and affects no other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from coro_core import Model, NotConfigured
from coro_core.kit import api_key, base_url, is_loopback, is_private
from coro_openai.known import KNOWN_SERVICES, KnownService

PREFIX = "CORO_OPENAI_"

SETTINGS = ("BASE_URL", "API_KEY", "MODELS", "COST", "KEYLESS", "TOKEN_FIELD")
"""The ends of a service's variables."""
_VARIABLE = re.compile(rf"{PREFIX}([A-Z0-9]+(?:_[A-Z0-9]+)*)_({'|'.join(SETTINGS)})")
_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TOKEN_FIELDS = ("max_tokens", "max_completion_tokens")
_EXAMPLE_ADDRESS = "https://llm.example/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """One service, as configured."""

    name: str
    """The prefix of its upstream models, for example `mistral`."""
    variable: str
    """The beginning of its variables, for example `CORO_OPENAI_MISTRAL`."""
    title: str
    base_url: str = ""
    api_key: str | None = field(default=None, repr=False)
    limit_field: str = "max_tokens"
    """The request field that limits the answer."""
    models: tuple[Model, ...] = ()
    problem: tuple[str, str, str] | None = None
    """The setting that cannot be used, the remedy, and the fault, as `NotConfigured` takes them."""

    @property
    def upstreams(self) -> frozenset[str]:
        """The configured upstream models, with the service's prefix."""
        return frozenset(name for model in self.models for name in model.candidates)

    @property
    def key_help(self) -> str:
        """The source of a key, for people."""
        known = KNOWN_SERVICES.get(self.name)
        return known.key_help if known else f"get one from {self.title}"

    def not_configured(self) -> NotConfigured:
        """Return the problem as an error."""
        assert self.problem is not None
        setting, help, problem = self.problem
        return NotConfigured(setting, help=help, problem=problem)


def read_services(environ: Mapping[str, str]) -> Mapping[str, ServiceConfig]:
    """Return every service that `environ` configures, by name. Blank variables are ignored.

    Never raises: the reason why a service cannot be used is in its `problem`.
    """
    names: dict[str, None] = {}
    unknown_variables: dict[str, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or not environ[variable].strip():
            continue
        if match := _VARIABLE.fullmatch(variable):
            names[match[1]] = None
        else:
            unknown_variables[variable.removeprefix(PREFIX).rpartition("_")[0]] = variable
    services: dict[str, ServiceConfig] = {}
    taken: dict[str, str] = {}
    for name in sorted({*names, *unknown_variables}):
        service = _read_service(name, environ, taken)
        # A misspelt variable is the problem of its service, unless another problem comes first.
        if name in unknown_variables and (service.problem is None or name not in names):
            help = f"write {PREFIX}<NAME>_ and one of {', '.join(SETTINGS)}"
            problem = (unknown_variables[name], help, "is not a setting of any service")
            service = replace(service, problem=problem)
        services[service.name] = service
    return services


def _read_service(name: str, environ: Mapping[str, str], taken: dict[str, str]) -> ServiceConfig:
    variable = PREFIX + name
    key = name.lower().replace("_", "-")
    known = KNOWN_SERVICES.get(key) or KnownService(
        name.replace("_", " ").title(), "", "ask who runs it"
    )
    service = ServiceConfig(
        name=key, variable=variable, title=known.title, limit_field=known.limit_field
    )
    try:
        cost = environ.get(f"{variable}_COST", "").strip() or f"see {service.title}"
        models = _models(service, environ.get(f"{variable}_MODELS", ""), cost, taken)
        service = replace(service, models=models)
        address = _address(service, environ, known)
        return replace(
            service,
            base_url=address,
            api_key=_key(service, environ, known, address),
            limit_field=_limit_field(service, environ),
        )
    except NotConfigured as error:
        return replace(service, problem=(error.setting, error.help, error.problem))


def _address(service: ServiceConfig, environ: Mapping[str, str], known: KnownService) -> str:
    setting = f"{service.variable}_BASE_URL"
    if not known.base_url and not environ.get(setting, "").strip():
        raise NotConfigured(
            setting, help=f"set it to the service's address, such as {_EXAMPLE_ADDRESS}"
        )
    example = known.base_url or _EXAMPLE_ADDRESS
    keyless = f"{service.variable}_KEYLESS"
    if _sends_no_key(service, environ):
        address = base_url(environ, setting, example, plain_http=is_private)
    else:
        help = f"use an address such as {example}"
        if _is_plain_private(environ.get(setting, "")):
            help += f", or set {keyless}=true and no key if the service takes none"
        address = base_url(environ, setting, example, help=help)
    if address.endswith("/chat/completions"):
        help = f"use what stands before that, such as {known.base_url or _EXAMPLE_ADDRESS}"
        raise NotConfigured(setting, help=help, problem="ends with /chat/completions")
    return address


def _sends_no_key(service: ServiceConfig, environ: Mapping[str, str]) -> bool:
    """Return True if the service is declared keyless and no key is set."""
    declared = environ.get(f"{service.variable}_KEYLESS", "").strip().lower() == "true"
    return declared and not environ.get(f"{service.variable}_API_KEY", "").strip()


def _is_plain_private(address: str) -> bool:
    try:
        parts = urlsplit(address.strip())
        return parts.scheme == "http" and is_private(parts.hostname or "")
    except ValueError:
        return False


def _key(
    service: ServiceConfig, environ: Mapping[str, str], known: KnownService, address: str
) -> str | None:
    """Return the key, or `None` for a server that is declared keyless or runs on this machine."""
    setting, keyless = f"{service.variable}_API_KEY", f"{service.variable}_KEYLESS"
    declared = environ.get(keyless, "").strip().lower()
    if declared not in ("", "true", "false"):
        raise NotConfigured(keyless, help="use true or false", problem="is neither true nor false")
    if environ.get(setting, "").strip():
        return api_key(environ, setting, help=known.key_help)
    local = is_loopback(urlsplit(address).hostname or "")
    if declared == "true" or (local and declared != "false"):
        return None
    return api_key(environ, setting, help=f"{known.key_help}, or set {keyless}=true")


def _limit_field(service: ServiceConfig, environ: Mapping[str, str]) -> str:
    setting = f"{service.variable}_TOKEN_FIELD"
    value = environ.get(setting, "").strip() or service.limit_field
    if value not in _TOKEN_FIELDS:
        raise NotConfigured(setting, help=f"use {' or '.join(_TOKEN_FIELDS)}", problem="is neither")
    return value


def _models(
    service: ServiceConfig, value: str, cost: str, taken: dict[str, str]
) -> tuple[Model, ...]:
    """Read `id=name|fallback, name, ...`. The id of a bare name is derived from the name."""
    setting = f"{service.variable}_MODELS"
    models = []
    for entry in (part.strip() for part in value.split(",")):
        if not entry:
            continue
        chosen, equals, names = entry.rpartition("=")
        upstreams = tuple(dict.fromkeys(name.strip() for name in names.split("|")))
        model_id = chosen.strip() if equals else derived_id(upstreams[0])
        shown = entry[:80] if entry.isprintable() else "an entry"
        if not all(upstreams):
            problem = f"has {shown}, which lacks the service's own name of the model"
            raise NotConfigured(setting, help="write id=name, or name alone", problem=problem)
        if not _MODEL_ID.fullmatch(model_id):
            problem = f"has {shown}, whose id is not 1 to 64 of a-z, 0-9, '.', '_' and '-'"
            raise NotConfigured(setting, help=f"write id={upstreams[0][:80]}", problem=problem)
        if model_id in taken:
            problem = f"offers {model_id}, which {taken[model_id]} offers already"
            help = f"write another-id={upstreams[0][:80]}"
            raise NotConfigured(setting, help=help, problem=problem)
        taken[model_id] = setting
        models.append(
            Model(
                id=model_id,
                name=upstreams[0],
                provider=service.title,
                cost=cost,
                candidates=tuple(f"{service.name}/{upstream}" for upstream in upstreams),
            )
        )
    return tuple(models)


def derived_id(upstream: str) -> str:
    """Return the id for a name without one: the part after the last slash, in an id's characters.

    `meta-llama/Llama-3.3-70B-Instruct` is `llama-3.3-70b-instruct`, `qwen3:8b` is `qwen3-8b`.
    """
    text = re.sub(r"[^a-z0-9._-]+", "-", upstream.rpartition("/")[2].lower())
    return text.strip("-._")[:64]
