import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.kernel.embedded.files import make_folder


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that root's PostgreSQL account may pass through (pytest's `tmp_path` is closed to it)."""
    home = Path(tempfile.gettempdir()) / f"casework.test.{secrets.token_hex(4)}"
    make_folder(home, mode=0o711)
    yield home
    shutil.rmtree(home)
