"""Without the future import, annotations are what they say."""
from typing import Callable, Dict, List, Optional, Tuple, Type, Union, Any

Layer = Union[int, str]
Factory = Optional[Callable[..., Dict[str, Any]]]


def build(sizes: List[Layer], make: Factory = None, pair: Tuple[int, ...] = (1, 2)) -> "Net":
    return sizes, make, pair


def modern(a: list[int], b: dict[str, int] | None = None, c: int | float = 1) -> tuple[int, ...]:
    return a, b, c


print(build([1]), modern([1]))


class Net:
    cfg: Dict[str, List[Union[str, int]]] = {"a": [1, "M"]}

    def block(self, kind: Type["Net"], n: int = 1) -> None:
        self.n: Optional[int] = n


net = Net()
print(net.block(Net), net.n, net.cfg)
print(list(build.__annotations__), build.__annotations__["return"], build.__annotations__["make"] == Factory)
print(modern.__annotations__["a"] == list[int], Net.block.__annotations__["n"], list(Net.__annotations__))
