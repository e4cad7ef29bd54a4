"""Options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Demo = Annotated[
    bool, typer.Option("--demo", help="Simulate every provider: answers without any key.")
]
