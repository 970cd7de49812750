"""What the README says about offering webhooks to customers, typed as it stands there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.test_documents import README, blocks
from tests.cli.api_process import OPERATOR_KEY, pipeline_with_api
from tests.kafka_broker import SessionBroker
from tests.receiver import receiving

SECTION = README.partition("## Offer webhooks to your customers")[2].partition("\n## ")[0]


@pytest.mark.timeout(240)
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_what_the_readme_types_creates_accounts_and_endpoints_that_get_their_events(
    broker: SessionBroker, tmp_path: Path
):
    folder = tmp_path / "data"
    with (
        receiving() as receiver,
        pipeline_with_api(broker.bootstrap_servers, folder, "router", "sender") as pipeline,
    ):
        (tmp_path / ".pipeline").mkdir()
        (tmp_path / ".pipeline" / "operator.key").write_text(OPERATOR_KEY)
        program = "set -e -o pipefail\n" + "\n".join(blocks(SECTION, "sh"))
        program = program.replace(
            "127.0.0.1:8080", f"127.0.0.1:{pipeline.settings['PIPELINE_API__PORT']}"
        )
        program = program.replace("127.0.0.1:9000", f"127.0.0.1:{receiver.port}")
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", program],
            cwd=tmp_path,
            env={
                **pipeline.environment,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "whsec_" in done.stdout
        for path, content in (("/webhooks", b'"id":7'), ("/globex", b'"id":8')):
            (request,) = receiver.wait_for(1, path=path, seconds=60)
            assert content in request.body.replace(b" ", b"")
