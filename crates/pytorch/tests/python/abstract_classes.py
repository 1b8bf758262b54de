from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Block(ABC):
    def __init__(self, width):
        self.width = width

    @abstractmethod
    def out(self):
        """Channels that leave."""

    def describe(self):
        return f"{type(self).__name__}({self.width} -> {self.out()})"


class Basic(Block):
    expansion: int = 1

    def out(self):
        return self.width * self.expansion


class Bottleneck(Basic):
    expansion: int = 4


for kind in (Basic, Bottleneck):
    print(kind(64).describe(), kind.expansion, issubclass(kind, Block))
try:
    Block(1)
except TypeError as error:
    print(type(error).__name__)


class Box(Generic[T]):
    def __init__(self, value: T):
        self.value = value


class Sized(Protocol):
    def size(self) -> int: ...


print(Box(3).value, Box[int](4).value, object() == object(), isinstance(Box(1), object))
