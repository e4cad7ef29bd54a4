"""`coro ...` at a terminal: a pseudo-terminal of a given width, its bytes, and its keys."""

import errno
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from pathlib import Path

from support.inherited import inherited

WAIT_SECONDS = 60.0
CTRL_C = b"\x03"
CTRL_D = b"\x04"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process whose standard streams are a terminal of its own, collected while it runs."""

    def __init__(
        self, *arguments: str, cwd: Path, environ: Mapping[str, str], columns: int = 120
    ) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._seen = b""
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "coro_core", *arguments],
            cwd=cwd,
            env={
                **inherited("PATH", "HOME"),
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
                **environ,
            },
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_become_foreground,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def raw(self) -> bytes:
        """Every byte that was written to the terminal so far."""
        return self._seen

    @property
    def text(self) -> str:
        """The same without colours and cursor movements."""
        return _ANSI.sub("", self._seen.decode(errors="replace")).replace("\r\n", "\n")

    def press(self, keys: bytes) -> None:
        """Type these keys."""
        os.write(self._master, keys)

    def wait_for(self, pattern: str) -> None:
        """Wait until what is on the terminal matches."""
        with self._changed:
            self._changed.wait_for(
                lambda: re.search(pattern, self.text) or not self._reader.is_alive(), WAIT_SECONDS
            )
        assert re.search(pattern, self.text), f"it did not show {pattern!r}:\n{self.text}"

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.popen.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        return code

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait()
        self._reader.join(WAIT_SECONDS)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError as exc:
                # The kernel's way of saying that the last one with the terminal open has gone.
                if exc.errno != errno.EIO:
                    raise
                chunk = b""
            with self._changed:
                self._seen += chunk
                self._changed.notify_all()
            if not chunk:
                return


def _become_foreground() -> None:
    """Let Ctrl-C interrupt this process, as it does for a command that a person starts."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A shell without job control starts background processes with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
