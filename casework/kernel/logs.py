"""Structured logs: one JSON object a line, ids only. Nothing logs a body, a parameter or a name.

What a library logs, and what ends the process, goes through here too: who spoke, how grave it is, the kind of the
exception and where it rose. Never its words: an exception's message quotes the value it choked on.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from types import TracebackType

log = structlog.get_logger("casework.process")


def configure(level: str = "info") -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [*(one for one in root.handlers if not isinstance(one, Wordless)), Wordless()]
    # A library's everyday word says nothing once it is wordless.
    root.setLevel(logging.DEBUG if level == "debug" else max(logging.WARNING, getattr(logging, level.upper())))


class Wordless(logging.Handler):
    """A library's record without its message and arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        said: object = record.exc_info[1] if record.exc_info else record.msg
        error = said if isinstance(said, BaseException) else None
        log.log(
            record.levelno, "library", logger=record.name, kind=type(error).__name__ if error else None,
            where=(where(error) if error else "") or f"{record.pathname}:{record.lineno}",
        )  # fmt: skip


def where(error: BaseException) -> str:
    """File and line of the fault; never its message, which may carry somebody's data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"


def end_silently() -> None:
    """For the server's process: whatever ends it says what and where, and leaves no memory behind.

    faulthandler writes files, lines and functions, no values. A core file would hold people's data in clear.
    """
    sys.excepthook = _crashed
    threading.excepthook = lambda thrown: _crashed(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)
    sys.unraisablehook = lambda thrown: _crashed(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)
    logging.captureWarnings(capture=True)
    faulthandler.enable(sys.stderr)
    _leave_no_core()


def _crashed(kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    log.critical("crashed", kind=kind.__name__, where=where(error) if error else "")


def _leave_no_core() -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def refused(**texts: Any) -> None:
    """Why the server does not start, in its own words of both languages."""
    log.error("boot_refused", **texts)
