"""One server process of a drill: killed and started again on the same port, its standard error kept in a file."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from casework.evidence.stage import await_listening, environment_of, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from casework.settings import Settings

STOP_SECONDS = 30


class Child:
    """`module` is what `python -m` runs; `application` is the name its PostgreSQL sessions carry."""

    def __init__(
        self, module: Sequence[str], settings: Settings, errors: Path, application: str, **environment: str
    ) -> None:
        self.port, self.errors, self.application = free_port(), errors, application
        self._command = [sys.executable, "-m", *module, "--port", str(self.port)]
        self._environment = environment_of(settings) | {"PGAPPNAME": application, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns once it listens; raises DidNotStart."""
        with self.errors.open("ab") as errors:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=errors, stderr=errors)  # noqa: S603 -- our own modules
        await_listening(self._process, self.port)

    def end_by(self, number: int) -> int:
        """Send the signal and wait; the exit code, negative when the signal itself ended the process."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self.end_by(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.end_by(signal.SIGKILL)


@contextmanager
def serving(
    module: Sequence[str], settings: Settings, errors: Path, application: str, **environment: str
) -> Iterator[Child]:
    child = Child(module, settings, errors, application, **environment)
    try:
        child.start()
        yield child
    finally:
        child.stop()
