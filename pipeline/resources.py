"""Where the files lie that are not code.

At the top of a checkout, inside the package of a wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent
_PACKAGED: Final = _PACKAGE / "_resources"
_TOP: Final = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent

SCHEMAS_DIR: Final = _TOP / "schemas"
TOPICS_FILE: Final = _TOP / "topics.yaml"
COSTS_FILE: Final = _PACKAGE / "costs.yaml"
PROFILES_DIR: Final = _PACKAGE / "profiles"
PROFILE_SAMPLES_DIR: Final = PROFILES_DIR / "samples"
SAMPLES_DIR: Final = _PACKAGE / "demo" / "samples"
