"""The variables, and the one sentence for each that cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coro_core import Model, NotConfigured
from coro_openai import OpenAIPlugin
from coro_openai.known import KNOWN_SERVICES, takes_no_temperature
from coro_openai.settings import derived_id, read_services

P = "CORO_OPENAI_"


def one(environ):
    (service,) = read_services({f"{P}{name}": value for name, value in environ.items()}).values()
    return service


def offered(value):
    environ = {f"{P}BOX_MODELS": value, f"{P}BOX_BASE_URL": "http://127.0.0.1:1/v1"}
    return [(m.id, m.candidates) for m in OpenAIPlugin().coro_list_models(environ)]


def test_nothing_is_offered_where_nothing_is_configured():
    assert OpenAIPlugin().coro_list_models({}) == ()
    assert OpenAIPlugin().coro_list_models({f"{P}MISTRAL_API_KEY": " ", "CORO_HOST": "x"}) == ()


@pytest.mark.parametrize(
    ("value", "models"),
    [
        ("", []),
        ("llama3.2", [("llama3.2", ("box/llama3.2",))]),
        ("a, ,b,", [("a", ("box/a",)), ("b", ("box/b",))]),
        ("small=qwen3:8b", [("small", ("box/qwen3:8b",))]),
        ("fast = x/Y | z ", [("fast", ("box/x/Y", "box/z"))]),
        ("x/Big-Model|y", [("big-model", ("box/x/Big-Model", "box/y"))]),
        ("a=m|m", [("a", ("box/m",))]),
    ],
)
def test_an_entry_has_an_id_a_name_and_fallbacks(value, models):
    assert offered(value) == models


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("gpt-4.1-nano", "gpt-4.1-nano"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama-3.3-70b-instruct-turbo"),
        ("qwen3:8b", "qwen3-8b"),
        ("deepseek/deepseek-r1:free", "deepseek-r1-free"),
        ("x" * 80, "x" * 64),
    ],
)
def test_an_id_is_derived_from_a_bare_name(name, model_id):
    assert derived_id(name) == model_id
    assert offered(name) == [(model_id, (f"box/{name}",))]


def test_a_model_names_its_provider_and_its_cost():
    environ = {
        f"{P}MISTRAL_MODELS": "mistral-small-latest",
        f"{P}MISTRAL_COST": "$0.10 in / $0.30 out per 1M tokens",
        f"{P}MY_BOX_MODELS": "m",
    }
    mistral, box = OpenAIPlugin().coro_list_models(environ)
    assert mistral == Model(
        id="mistral-small-latest",
        name="mistral-small-latest",
        provider="Mistral",
        cost="$0.10 in / $0.30 out per 1M tokens",
        candidates=("mistral/mistral-small-latest",),
    )
    assert (box.provider, box.cost, box.candidates) == ("My Box", "see My Box", ("my-box/m",))


@pytest.mark.parametrize("name", KNOWN_SERVICES)
def test_a_known_service_needs_no_address(name):
    service = one({f"{name.upper()}_API_KEY": "k"})
    assert service.problem is None
    assert (service.title, service.base_url) == (
        KNOWN_SERVICES[name].title,
        KNOWN_SERVICES[name].base_url,
    )


@pytest.mark.parametrize("name", ["OLLAMA", "LMSTUDIO", "LLAMACPP", "VLLM"])
def test_a_server_on_this_machine_needs_no_key(name):
    service = one({f"{name}_MODELS": "m"})
    assert (service.problem, service.api_key) == (None, None)


def test_a_remote_server_declared_keyless_needs_no_key():
    environ = {"BOX_BASE_URL": "https://llm.example/v1", "BOX_KEYLESS": "True"}
    assert (one(environ).problem, one(environ).api_key) == (None, None)


PRIVATE = ["10.1.2.3:11434", "192.168.1.9", "[fd00::9]", "host.docker.internal:11434", "ollama"]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_server_declared_keyless_may_speak_plain_http(host):
    environ = {"OLLAMA_BASE_URL": f"http://{host}/v1", "OLLAMA_KEYLESS": "true"}
    assert one(environ).problem is None
    assert one(environ).base_url == f"http://{host}/v1"
    without = one({**environ, "OLLAMA_KEYLESS": ""}).not_configured().message
    assert without.endswith(
        "use an address such as http://localhost:11434/v1, or set CORO_OPENAI_OLLAMA_KEYLESS=true"
        " and no key if the service takes none."
    )
    assert one({**environ, "OLLAMA_API_KEY": "k"}).problem is not None


def test_a_public_server_declared_keyless_may_not_speak_plain_http():
    environ = {"BOX_BASE_URL": "http://llm.example/v1", "BOX_KEYLESS": "true"}
    assert "is plain http beyond a private network" in one(environ).not_configured().message


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"MISTRAL_MODELS": "m"},
            "CORO_OPENAI_MISTRAL_API_KEY is not set; get one at"
            " https://console.mistral.ai/api-keys, or set CORO_OPENAI_MISTRAL_KEYLESS=true.",
        ),
        (
            {"BOX_MODELS": "m"},
            "CORO_OPENAI_BOX_BASE_URL is not set; set it to the service's address, such as"
            " https://llm.example/v1.",
        ),
        (
            {"BOX_BASE_URL": "http://llm.example/v1", "BOX_API_KEY": "k"},
            "CORO_OPENAI_BOX_BASE_URL is plain http to another machine, which would show the key"
            " to the network; use an address such as https://llm.example/v1.",
        ),
        (
            {"MISTRAL_BASE_URL": "https://a..b/v1", "MISTRAL_API_KEY": "k"},
            "CORO_OPENAI_MISTRAL_BASE_URL is not a valid address; use an address such as"
            " https://api.mistral.ai/v1.",
        ),
        (
            {"MISTRAL_BASE_URL": "https://a.b/v1/chat/completions", "MISTRAL_API_KEY": "k"},
            "CORO_OPENAI_MISTRAL_BASE_URL ends with /chat/completions; use what stands before"
            " that, such as https://api.mistral.ai/v1.",
        ),
        (
            {"OLLAMA_KEYLESS": "yes"},
            "CORO_OPENAI_OLLAMA_KEYLESS is neither true nor false; use true or false.",
        ),
        (
            {"OLLAMA_TOKEN_FIELD": "tokens"},
            "CORO_OPENAI_OLLAMA_TOKEN_FIELD is neither; use max_tokens or max_completion_tokens.",
        ),
        (
            {"OLLAMA_MODELS": "Big=m"},
            "CORO_OPENAI_OLLAMA_MODELS has Big=m, whose id is not 1 to 64 of a-z, 0-9, '.', '_'"
            " and '-'; write id=m.",
        ),
        (
            {"OLLAMA_MODELS": "ok,id="},
            "CORO_OPENAI_OLLAMA_MODELS has id=, which lacks the service's own name of the model;"
            " write id=name, or name alone.",
        ),
        (
            {"OLLAMA_MODELS": "a=x,a=y"},
            "CORO_OPENAI_OLLAMA_MODELS offers a, which CORO_OPENAI_OLLAMA_MODELS offers already;"
            " write another-id=y.",
        ),
        (
            {"OLLAMA_MODELS": "m", "OLLAMA_MODEL": "m"},
            "CORO_OPENAI_OLLAMA_MODEL is not a setting of any service; write CORO_OPENAI_<NAME>_"
            " and one of BASE_URL, API_KEY, MODELS, COST, KEYLESS, TOKEN_FIELD.",
        ),
        (
            {"API_KEY": "k"},
            "CORO_OPENAI_API_KEY is not a setting of any service; write CORO_OPENAI_<NAME>_ and one"
            " of BASE_URL, API_KEY, MODELS, COST, KEYLESS, TOKEN_FIELD.",
        ),
        (
            {"MODELS": "m"},
            "CORO_OPENAI_MODELS is not a setting of any service; write CORO_OPENAI_<NAME>_ and one"
            " of BASE_URL, API_KEY, MODELS, COST, KEYLESS, TOKEN_FIELD.",
        ),
    ],
)
async def test_an_unusable_setting_is_reported_in_one_sentence(environ, sentence):
    given = {f"{P}{name}": value for name, value in environ.items()}
    plugin = OpenAIPlugin()
    with pytest.raises(NotConfigured) as caught:
        async with plugin.coro_lifespan(given):
            pytest.fail("it opened")
    assert str(caught.value) == sentence
    assert [it.reason for it in plugin.coro_services().values()] == [sentence]


async def test_without_any_service_the_sentence_shows_an_example():
    with pytest.raises(NotConfigured) as caught:
        async with OpenAIPlugin().coro_lifespan({}):
            pytest.fail("it opened")
    assert str(caught.value) == (
        "CORO_OPENAI_<NAME>_MODELS is not set; name a model of a service, for example"
        " CORO_OPENAI_OLLAMA_MODELS=llama3.2."
    )


def test_only_the_second_service_with_the_same_id_has_a_problem():
    services = read_services({f"{P}OLLAMA_MODELS": "m", f"{P}VLLM_MODELS": "m,other"})
    assert services["ollama"].problem is None
    assert "offers m, which CORO_OPENAI_OLLAMA_MODELS" in str(services["vllm"].not_configured())


def test_the_repr_of_a_service_hides_its_key():
    assert "secret" not in repr(one({"MISTRAL_API_KEY": "secret"}))


@pytest.mark.parametrize(
    ("upstream", "field", "none"),
    [
        ("o3-mini", "max_completion_tokens", True),
        ("gpt-5-mini", "max_completion_tokens", True),
        ("gpt-5.4", "max_completion_tokens", True),
        ("gpt-5-chat-latest", "max_completion_tokens", False),
        ("gpt-4.1-nano", "max_completion_tokens", False),
        ("openai/gpt-5-mini", "max_tokens", False),
        ("olmo-2", "max_completion_tokens", False),
    ],
)
def test_only_openais_own_reasoning_models_take_no_temperature(upstream, field, none):
    assert takes_no_temperature(upstream, field) is none


SETTINGS = st.sampled_from([f"{P}A_{it}" for it in ("BASE_URL", "API_KEY", "MODELS", "KEYLESS")])


@given(st.dictionaries(SETTINGS | st.text("AB_").map(P.__add__), st.text(max_size=40)))
def test_any_settings_give_services_or_problems_in_a_sentence(environ):
    for service in read_services(environ).values():
        assert service.problem is None or str(service.not_configured()).endswith(".")
