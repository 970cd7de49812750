from __future__ import annotations

from tests.cli.command import Shell


def test_a_plan_says_what_a_rate_needs_and_asks_nobody(bare_shell: Shell):
    found, twice, wrong = bare_shell.run_together(
        [
            ["plan", "--events", "50000/s", "--fan-out", "3", "--latency", "200ms", "--json"],
            ["plan", "--events", "100000/s", "--fan-out", "3", "--topics", "dedicated"],
            ["plan", "--events", "many"],
        ]
    )
    assert found.status == 0, found.err
    assert found.json["deliveries_per_second"] == 150_000
    assert found.json["utilisation"] < 0.6
    assert found.json["needed"]["sender processes"] > 36
    assert found.json["needed"]["brokers"] >= 3
    assert twice.status == 0
    assert "300,000 deliveries a second, all at most 60% busy" in twice.err
    assert (wrong.status, wrong.err) == (
        2,
        "--events 'many': write a number above 0 and /s, /m, /h or /d: 1e6/s\n",
    )
