"""The Java machine's command lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.java import Java

PROPERTIES_FILE: Final = "server.properties"
LOGGING_FILE: Final = "logging.properties"
LOG_FILE: Final = "server.log"

# Measured on two cores at 1,000 deliveries a second: the broker stands still for 4 ms each 1.2 s,
# and has 316 MB. With the serial collector and a small heap it is 8 ms each 0.4 s and 262 MB, with
# G1 and 1 GiB 7 to 24 ms each 2 s. Compiling with C1 alone would start sooner still, and cost
# half as much again for every record.
_MEMORY: Final = ("-Xms160m", "-Xmx512m", "-Xmn96m", "-XX:+UseParallelGC")
_CONDUCT: Final = (
    "-XX:+ExitOnOutOfMemoryError",  # a broker without memory hangs; one that ended is started again
    "-XX:ErrorFile=jvm-crash.log",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={LOGGING_FILE}",
)
# Kafka and its compression libraries use what Java 24 began to warn of.
_SILENCED: Final = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
_FIRST_TO_WARN: Final = 24

LOGGING: Final = f"""\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {LOG_FILE}
appender.file.filePattern = {LOG_FILE}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %c{{1}}: %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
# Five listings of all settings at each start would drown what happened.
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True, slots=True)
class Jvm:
    """A Java and what it runs: everything but the broker's own folder."""

    java: Java
    jars: Sequence[Path]

    def broker(self, *flags: str) -> list[str]:
        """Runs the broker in the working directory."""
        return self._command(flags, "kafka.Kafka", PROPERTIES_FILE)

    def formatter(self, cluster_id: str, *flags: str) -> list[str]:
        """Makes the storage that the properties in the working directory name."""
        arguments = ("format", "--cluster-id", cluster_id, "--config", PROPERTIES_FILE)
        return self._command(flags, "kafka.tools.StorageTool", *arguments)

    def fixed_flags(self) -> tuple[str, ...]:
        silenced = _SILENCED if self.java.major >= _FIRST_TO_WARN else ()
        return (*_MEMORY, *_CONDUCT, *silenced)

    def _command(self, flags: Sequence[str], *program: str) -> list[str]:
        class_path = ":".join(str(jar) for jar in self.jars)
        return [str(self.java.executable), *self.fixed_flags(), *flags, "-cp", class_path, *program]
