"""`pipeline listen`: a receiver on this machine, which verifies and shows what comes."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from pipeline.cli.endings import BadInput
from pipeline.cli.request_check import Keys, UnusableSecret, Verdict, check, read_keys
from pipeline.cli.terminal import examples, output, plain, say, time_text, write_json_line
from pipeline.demo.contracts import Request
from pipeline.demo.receiver import DemoReceiver, Reply
from pipeline.supervisor.ending import Ending

_PORT: Final = 9000
_MOST_IDS: Final = 100_000
_WAIT_SECONDS: Final = 3_600.0
_LONGEST_SECONDS: Final = 120.0


def listen(
    *,
    port: Annotated[int, typer.Option(help="On 127.0.0.1.", min=0, max=65_535)] = _PORT,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            help="whsec_..., whpk_..., or a text (twenty). May be given again. What does not fit "
            "is answered 401."
        ),
    ] = None,
    answer: Annotated[
        int, typer.Option(help="The status of the answer: 503 tries retries.", min=200, max=599)
    ] = HTTPStatus.NO_CONTENT,
    delay: Annotated[
        float, typer.Option(help="Seconds until the answer.", min=0, max=_LONGEST_SECONDS)
    ] = 0.0,
    headers: Annotated[bool, typer.Option("--headers", help="Show them, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
) -> None:
    """Receive webhooks on this machine, verify and show them, until Ctrl-C.

    A line has: time, path, webhook-id, whether the signature is genuine, and the answer; below it
    is the body. The pipeline refuses to dial this machine unless it is allowed to:
    PIPELINE_SENDING__ALLOWED_NETWORKS='["127.0.0.0/8"]'.
    """
    try:
        keys = read_keys(secret or [])
    except UnusableSecret as exc:
        raise BadInput(f"--secret: {exc}") from exc
    shown = _Shown(keys, Reply(answer, delay), with_headers=headers, as_json=as_json)
    try:
        receiver = DemoReceiver(shown.answer, port=port)
    except OSError as exc:
        raise BadInput(f"--port {port} cannot be had: {exc.strerror or exc}") from exc
    with Ending() as ending, receiver:
        say(f"listening at {receiver.url}, any path; Ctrl-C ends it")
        while not ending.wait(_WAIT_SECONDS):
            pass


class _Shown:
    """Answers requests, and writes them down one after the other."""

    def __init__(self, keys: Keys, reply: Reply, *, with_headers: bool, as_json: bool) -> None:
        self._keys = keys
        self._reply = reply
        self._with_headers = with_headers
        self._as_json = as_json
        self._console = output()
        self._writing = threading.Lock()
        self._seen: dict[str, None] = {}

    def answer(self, request: Request) -> Reply:
        """Called by a thread for each connection."""
        verdict = check(request.headers, request.body, keys=self._keys, now_ms=request.at_ms)
        reply = Reply(HTTPStatus.UNAUTHORIZED) if verdict.is_refused else self._reply
        with self._writing:
            is_repeat = self._is_repeat(request.header("webhook-id"))
            if self._as_json:
                write_json_line(_members(request, verdict, status=reply.status, repeat=is_repeat))
            else:
                _show(self._console, _line(request, verdict, status=reply.status, repeat=is_repeat))
                self._show_content(request)
        return reply

    def _is_repeat(self, webhook_id: str) -> bool:
        if not webhook_id:
            return False
        if webhook_id in self._seen:
            return True
        if len(self._seen) >= _MOST_IDS:
            del self._seen[next(iter(self._seen))]
        self._seen[webhook_id] = None
        return False

    def _show_content(self, request: Request) -> None:
        if self._with_headers:
            for name, value in request.headers.items():
                _show(self._console, Text(f"    {plain(name)}: {plain(value)}", "dim"))
        for line in request.body.decode(errors="replace").splitlines():
            _show(self._console, Text(f"  {plain(line)}"))


def _show(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)


def _line(request: Request, verdict: Verdict, *, status: int, repeat: bool) -> Text:
    webhook_id = plain(request.header("webhook-id") or "no webhook-id")
    line = Text()
    line.append(time_text(request.at_ms), "dim")
    line.append(f"  /{plain(request.endpoint)}  {webhook_id}{' (again)' if repeat else ''}  ")
    line.append(plain(verdict.text), "red" if verdict.is_refused else "green")
    line.append(f"  -> {int(status)}")
    return line


def _members(request: Request, verdict: Verdict, *, status: int, repeat: bool) -> dict[str, Any]:
    return {
        "at": time_text(request.at_ms),
        "path": f"/{request.endpoint}",
        "webhook_id": request.header("webhook-id") or None,
        "repeat": repeat,
        "verdict": verdict.text,
        "genuine": verdict.text.startswith("genuine"),
        "answered": int(status),
        "headers": dict(request.headers),
        "body": request.body.decode(errors="replace"),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        short_help="Receive webhooks on this machine, and verify them.",
        epilog=examples(
            "pipeline listen --secret whsec_...",
            "pipeline listen --port 9001 --answer 503 --headers",
            "pipeline listen --json | jq .verdict",
        ),
    )(listen)
