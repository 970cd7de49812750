"""Settings that are valid and not for production, and the key that secrets are sealed with."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from pipeline.adapters.sealing import UnusableKey, key_from_file, key_from_text
from pipeline.settings import Settings
from pipeline.wiring.doctor.finding import Finding, error, ok, warning

_CHECK = "secrets key"
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """What is set."""
    sending = settings.sending
    allowed = (*sending.allowed_networks, *sending.allowed_names)
    if allowed:
        yield warning(
            "allowed networks",
            f"webhooks may be sent into {', '.join(allowed)}, whoever names an address there",
            "take what is for tests out of PIPELINE_SENDING__ALLOWED_NETWORKS and ..._NAMES",
        )
    else:
        yield ok("allowed networks", "only public addresses are dialled")
    yield _key(settings)


def _key(settings: Settings) -> Finding:
    key = settings.secrets.key
    try:
        if key is not None:
            key_from_text(key.get_secret_value(), setting="PIPELINE_SECRETS__KEY")
            return ok(_CHECK, "set by PIPELINE_SECRETS__KEY")
        return _key_file(settings, settings.secrets.key_file or settings.data_dir / "secrets.key")
    except UnusableKey as exc:
        return error(
            _CHECK, str(exc), "put the key back that the endpoints' secrets were sealed with"
        )


def _key_file(settings: Settings, path: Path) -> Finding:
    if not path.exists():
        if settings.kafka.bootstrap_servers is None:
            return ok(_CHECK, f"{path} is made at the first start")
        return warning(
            _CHECK,
            f"{path} is not there: each machine would make its own, and not open others' secrets",
            "set PIPELINE_SECRETS__KEY to the same on all machines: openssl rand -base64 32",
        )
    key_from_file(path)
    if path.stat().st_mode & _OF_OTHERS:
        return warning(_CHECK, f"{path} can be read by others", f"chmod 600 {path}")
    return ok(
        _CHECK, f"in {path}; keep a copy of it elsewhere, nothing opens the secrets without it"
    )
