from __future__ import annotations

import threading
from queue import SimpleQueue

from pipeline.adapters.http.lookup_threads import LookedUp, LookupThreads, look_up_by_system


def test_the_system_knows_localhost():
    assert "127.0.0.1" in look_up_by_system("localhost")


def test_results_and_errors_are_handed_over():
    def look_up(host: str) -> tuple[str, ...]:
        if host == "bad":
            raise OSError(-2, "no such name")
        return (f"of {host}",)

    results: SimpleQueue[tuple[str, LookedUp]] = SimpleQueue()
    threads = LookupThreads(look_up, limit=2)
    for host in ("a", "bad", "b"):
        threads.start(host, lambda host, result: results.put((host, result)))
    found = dict(results.get(timeout=10) for _ in range(3))
    assert found["a"] == ("of a",)
    assert found["b"] == ("of b",)
    assert isinstance(found["bad"], OSError)
    threads.close()


def test_a_name_that_no_resolver_would_take_is_an_error():
    results: SimpleQueue[LookedUp] = SimpleQueue()
    threads = LookupThreads(look_up_by_system, limit=1)
    threads.start("x" * 70 + ".test", lambda _host, result: results.put(result))
    assert isinstance(results.get(timeout=10), OSError)
    threads.close()


def test_there_are_never_more_threads_than_the_limit_and_they_end():
    may_answer = threading.Event()

    def look_up(_host: str) -> tuple[str, ...]:
        assert may_answer.wait(10)
        return ()

    before = set(threading.enumerate())
    results: SimpleQueue[LookedUp] = SimpleQueue()
    threads = LookupThreads(look_up, limit=3)
    for number in range(20):
        threads.start(f"{number}", lambda _host, result: results.put(result))
    started = set(threading.enumerate()) - before
    assert len(started) == 3
    assert all(thread.daemon for thread in started)
    may_answer.set()
    for _ in range(20):
        results.get(timeout=10)
    threads.start("again", lambda _host, result: results.put(result))
    results.get(timeout=10)
    assert set(threading.enumerate()) - before == started
    threads.close()
    for thread in started:
        thread.join(timeout=10)
        assert not thread.is_alive()
