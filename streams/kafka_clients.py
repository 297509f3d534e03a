"""kafka-python's clients, made so that a failed connection leaves no socket or thread behind.

kafka-python 3.0.12 forgets the socket of each attempt to connect that fails, and the whole client
where its constructor raises: a worker that waits for its broker would run out of files.
(The type checker's own stubs describe an older version, so the classes are untyped here.)
"""

from __future__ import annotations

from typing import Any

import kafka
import kafka.net.compat
import kafka.net.inet

_SCHEME = "closing"


class _ClosingSocket(kafka.net.inet.KafkaNetSocket):  # pyright: ignore
    """A plain connection, chosen by the scheme of `proxy_url`, that closes what it gives up."""

    SCHEMES = (_SCHEME,)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: Any = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:  # a cancelled attempt is one that is given up, too
            sock.close()
            raise


def producer(**configs: Any) -> Any:
    """A `kafka.KafkaProducer`. Raises KafkaError where no broker answers."""
    return _connect(kafka.KafkaProducer, configs)


def consumer(*topics: str, **configs: Any) -> Any:
    """A `kafka.KafkaConsumer`. Raises KafkaError where no broker answers."""
    return _connect(kafka.KafkaConsumer, configs, *topics)


def admin(**configs: Any) -> Any:
    """A `kafka.KafkaAdminClient`. Raises KafkaError where no broker answers."""
    return _connect(kafka.KafkaAdminClient, configs)


def _connect(kind: Any, configs: dict[str, Any], *arguments: str) -> Any:
    made: list[Any] = []

    def client(**client_configs: Any) -> Any:
        made.append(kafka.net.compat.KafkaNetClient(**client_configs))
        return made[-1]

    try:
        return kind(*arguments, kafka_client=client, proxy_url=f"{_SCHEME}://", **configs)
    except BaseException:
        for unfinished in made:
            unfinished.close()
        raise
