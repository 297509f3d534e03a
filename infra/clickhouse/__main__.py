"""Start the local ClickHouse: python -m infra.clickhouse --data-dir DIR --port PORT."""

import argparse
import asyncio
import ipaddress
import logging
import os
import sys
from pathlib import Path

import uvloop

from infra.clickhouse.server import SHUTDOWN_TIMEOUT_S, ServerSettings, StartError, run
from infra.clickhouse.users import User

log = logging.getLogger(__name__)


def arguments() -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(prog="infra.clickhouse", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the engine's files")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8123, help="port to listen on")
    parser.add_argument("--database", default="workledger", help="made at start; the default one")
    parser.add_argument(
        "--allow-remote", action="store_true", help="listen on an address that others can reach"
    )
    parser.add_argument(
        "--shutdown-timeout-s",
        type=float,
        default=SHUTDOWN_TIMEOUT_S,
        help="how long queries in hand may go on after SIGTERM or SIGINT",
    )
    return parser.parse_args()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def accounts() -> dict[str, User]:
    """The writer and the reader, from the environment. Raises StartError if they are one."""
    users: dict[str, User] = {}
    for role, read_only in (("writer", False), ("reader", True)):
        variable = f"WORKLEDGER_CLICKHOUSE_{role.upper()}"
        name = os.environ.get(variable, role)
        users[name] = User(name, os.environ.get(f"{variable}_PASSWORD", role), read_only)
    if len(users) < 2:
        raise StartError("the writer and the reader must have different names")
    return users


def main() -> int:
    """Run the server; returns the exit code."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    given = arguments()
    if not is_loopback(given.host) and not given.allow_remote:
        log.error("%s is not a loopback address: give --allow-remote as well", given.host)
        return 2
    try:
        settings = ServerSettings(
            data_folder=given.data_dir,
            host=given.host,
            port=given.port,
            database=given.database,
            users=accounts(),
            shutdown_timeout_s=given.shutdown_timeout_s,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended = runner.run(run(settings))
    except StartError as error:
        log.error("%s", error)
        return 1
    if not ended:
        # A thread that will not end would hold the exit; what is durable is durable.
        os._exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
