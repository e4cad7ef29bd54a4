"""`load_module`: imports in another thread."""

import threading
from pathlib import Path

import pytest

from coro_core.kit import load_module


async def test_a_module_is_imported_in_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy_sdk.py").write_text("import threading\nTHREAD = threading.get_ident()\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = await load_module("heavy_sdk")
    assert module.__name__ == "heavy_sdk"
    assert threading.get_ident() != module.THREAD


async def test_an_error_of_the_import_is_raised() -> None:
    with pytest.raises(ModuleNotFoundError):
        await load_module("coro_core.there_is_no_such_module")
