"""The broker: Apache Kafka from Maven Central, one KRaft node, as a part of the local stack."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from string import Template

from infra.stack.part import ANSWER_TIMEOUT_S, Part, StackError

TEMPLATE = Path(__file__).parent.parent / "broker" / "server.properties"
FORMAT_TIMEOUT_S = 60.0

# ApiVersions, version 0, correlation id 1, no client id: the one request that every broker
# answers. Source: https://kafka.apache.org/protocol
_API_VERSIONS_REQUEST = struct.pack(">hhih", 18, 0, 1, -1)


class Broker(Part):
    """Kafka, run here unless `broker_address` names another."""

    name = "broker"

    @property
    def address(self) -> str:
        return self.settings.bootstrap_servers

    @property
    def is_external(self) -> bool:
        return self.settings.broker_address is not None

    @property
    def ports(self) -> Mapping[str, int]:
        return {
            "broker_port": self.settings.broker_port,
            "broker_controller_port": self.settings.broker_controller_port,
        }

    def prepare(self) -> None:
        """Write the configuration, and format the data folder before its first use."""
        if not self.data_path.exists():
            self._format()
        self._configure(self.data_path)

    def command(self) -> list[str]:
        # Out of memory, a broker that goes on with a thread less is worse than one that ends.
        options = [f"-Xmx{self.settings.broker_heap_mb}m", "-XX:+ExitOnOutOfMemoryError"]
        return self._java("kafka.Kafka", str(self._configuration), options=options)

    def answers(self) -> bool:
        return any(_answers(server) for server in self.address.split(","))

    @property
    def _configuration(self) -> Path:
        return self.settings.home / "run" / "server.properties"

    def _configure(self, data_path: Path) -> None:
        self._configuration.parent.mkdir(parents=True, exist_ok=True)
        text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            host=self.settings.host,
            port=self.settings.broker_port,
            controller_port=self.settings.broker_controller_port,
            data_dir=data_path,
        )
        self._configuration.write_text(text, encoding="utf-8")

    def _java(self, main: str, *arguments: str, options: list[str]) -> list[str]:
        jars = self.settings.broker_jars
        if not any(jars.glob("kafka_*.jar")):
            raise StackError(f"The broker's jars are not in {jars}; run: make install")
        logging = [
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
            "-Dorg.slf4j.simpleLogger.logFile=System.out",
        ]
        classpath = ["-cp", str(jars / "*")]
        return [self._find_java(), *options, *logging, *classpath, main, *arguments]

    def _find_java(self) -> str:
        if self.settings.java:
            found = shutil.which(self.settings.java)
            if not found:
                raise StackError(f"WORKLEDGER_JAVA names no program: {self.settings.java}")
            return found
        home = os.environ.get("JAVA_HOME")
        found = (home and shutil.which("java", path=Path(home) / "bin")) or shutil.which("java")
        if not found:
            raise StackError(
                "The broker needs Java 17 or newer, and no java is on PATH; install it, for "
                "example: apt-get install default-jre-headless"
            )
        return found

    def _format(self) -> None:
        """Format the data folder: Kafka refuses one that its own tool has not.

        It is made under another name, so that no interruption leaves half of one.
        """
        unfinished = self.data_path.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._configure(unfinished)
        cluster_id = new_cluster_id()
        configuration = str(self._configuration)
        arguments = ["format", "--standalone", "-t", cluster_id, "-c", configuration]
        self._run(self._java("kafka.tools.StorageTool", *arguments, options=["-Xmx128m"]))
        unfinished.rename(self.data_path)

    def _run(self, command: list[str]) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            try:
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=FORMAT_TIMEOUT_S,
                    check=True,
                )
            except (subprocess.SubprocessError, OSError) as error:
                raise StackError(
                    f"The broker's data folder could not be formatted: {error}; see {self.log_path}"
                ) from error


def new_cluster_id() -> str:
    """A random id in the form that Kafka's own tool makes: it never begins with a dash.

    The tool would take such an id, one of 64, for an option and refuse to format.
    """
    cluster_id = "-"
    while cluster_id.startswith("-"):
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    return cluster_id


def _answers(server: str) -> bool:
    """Whether a broker at `host:port` answers with its protocol's versions."""
    host, _, port = server.rpartition(":")
    request = struct.pack(">i", len(_API_VERSIONS_REQUEST)) + _API_VERSIONS_REQUEST
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_TIMEOUT_S) as client:
            client.sendall(request)
            answer = client.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    if len(answer) < 10:
        return False
    _, correlation_id, error = struct.unpack(">iih", answer)
    return correlation_id == 1 and error == 0
