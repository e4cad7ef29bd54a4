"""Errors in the settings of the demo."""

import pytest

from coro_core.config.settings import Settings
from coro_core.contract.errors import SettingsError
from coro_core.engine.demo import demo_behaviours


@pytest.mark.parametrize("entry", ["no\nbody", "\x1b[2J", "\u2028", "x" * 100_000, "a\0=timeout"])
def test_a_plugin_that_does_not_exist_is_reported_in_one_short_line(entry: str) -> None:
    with pytest.raises(SettingsError) as caught:
        demo_behaviours(Settings.model_validate({"demo_fail": (entry,)}), [])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
