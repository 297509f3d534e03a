"""The local stack: the real broker and the real ClickHouse engine as processes of this machine."""

from infra.stack.part import StackError
from infra.stack.stack import Stack
from infra.stack.status import PartStatus

__all__ = ["PartStatus", "Stack", "StackError"]
