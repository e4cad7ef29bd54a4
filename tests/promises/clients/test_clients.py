"""The published description, read by programs that we did not write: generators and a linter."""

import shutil
import sys
from pathlib import Path

from support.paths import ROOT
from support.tools import DIRECTORY, attempt, run

HERE = Path(__file__).parent
OPENAPI = ROOT / "openapi.json"
SPECTRAL = ("spectral", "lint", "--fail-severity=hint", "--ruleset", HERE / "spectral.yaml")


def test_a_linter_finds_no_fault() -> None:
    said = run(*SPECTRAL, OPENAPI, cwd=ROOT)
    assert "No results with a severity of 'hint' or higher found!" in said


def test_the_linter_finds_a_fault_that_is_there(tmp_path: Path) -> None:
    text = OPENAPI.read_text(encoding="utf-8")
    faulty = text.replace('"operationId": "list_models"', '"operationId": "chat"')
    (tmp_path / "openapi.json").write_text(faulty, encoding="utf-8")
    done = attempt(*SPECTRAL, "openapi.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "operation-operationId-unique" in done.stdout


def test_a_typescript_client(demo: str, keyless: str, tmp_path: Path) -> None:
    for name in ("use.ts", "tsconfig.json", "package.json"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(DIRECTORY / "node_modules")
    # A field that has a default need not be sent: only so does this generator know it.
    lenient = "--default-non-nullable=false"
    run("openapi-typescript", OPENAPI, lenient, "--output", "schema.d.ts", cwd=tmp_path)
    run("tsc", "--project", ".", cwd=tmp_path)
    said = run("node", "out/use.js", demo, keyless, cwd=tmp_path)
    assert said.split() == ["lists", "manyModels", "oneModel", "problems", "withoutKeys"]


def test_a_python_client(demo: str, keyless: str, tmp_path: Path) -> None:
    shutil.copy(HERE / "use.py", tmp_path)
    python = DIRECTORY / "venv" / "bin" / "python"
    client = ("--meta", "none", "--output-path", "coro_client")
    run(
        *("openapi-python-client", "generate", "--path", OPENAPI, *client, "--fail-on-warning"),
        cwd=tmp_path,
    )
    # All that depends on the description. client.py does not, and falls short of strict by itself.
    checked = ("use.py", "coro_client/models", "coro_client/api")
    strict = ("--strict", "--follow-imports=silent", f"--python-executable={python}")
    run(sys.executable, "-m", "mypy", *strict, "--config-file=", *checked, cwd=tmp_path)
    said = run(python, "use.py", demo, keyless, cwd=tmp_path)
    uses = ["lists", "many_models", "retired", "one_model", "problems", "without_keys"]
    assert said.split() == uses
