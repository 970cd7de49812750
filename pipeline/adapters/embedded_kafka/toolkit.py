"""What a broker is run with: a Java, the jars and, if somebody made it, the class archive."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.adapters.embedded_kafka.cache import Cache
from pipeline.adapters.embedded_kafka.class_archive import ClassArchive
from pipeline.adapters.embedded_kafka.jars import ensure_jars
from pipeline.adapters.embedded_kafka.java import find_java
from pipeline.adapters.embedded_kafka.jvm import Jvm
from pipeline.adapters.embedded_kafka.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Toolkit:
    jvm: Jvm
    archive: ClassArchive


def ensure_toolkit(cache: Cache, waiting: Waiting) -> Toolkit:
    """Find the Java and the jars, which are fetched if the cache does not have them.

    Raises:
        JavaUnavailable: there is none that is new enough.
        JarsUnavailable: the jars cannot be fetched.
        CacheUnusable: the cache folder cannot be written.
        StartCancelled: nobody waits any more.
    """
    jvm = Jvm(find_java(), ensure_jars(cache, waiting))
    return Toolkit(jvm, ClassArchive(cache, jvm))
