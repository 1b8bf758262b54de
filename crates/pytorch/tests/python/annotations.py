from __future__ import annotations

import typing as t
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, Union, TypeVar, Sequence, cast, TYPE_CHECKING

if TYPE_CHECKING:
    from nowhere import Nothing

T = TypeVar("T")
Shape = Tuple[int, int]


def conv(cin: int, cout: int = 8, *args: int, kernel: Union[int, Tuple[int, int]] = 3, norm: Optional[Callable[..., Any]] = None) -> List[int]:
    out: list[int] = [cin, cout]
    size: Shape
    size = (kernel, kernel)
    return out + list(size)


print(conv(3), conv(1, 2, kernel=5))


class Net:
    width: int = 4
    depth: "Undefined"
    blocks: dict[str, list[Nothing]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.seen: int = x
        return x

    def typed(self, block: Type[Union[int, str]], layers: Sequence[T]) -> t.Iterator[T]:
        return iter(layers)


n = Net()
print(n.forward(1), n.seen, n.width, n.blocks, hasattr(n, "depth"), list(n.typed(int, [1])))
x: int = 5
y: Dict[str, Any]
print(x, cast(int, "still text"), "y" in globals())


def later(a: NotDefined, b: int | None = None) -> NotDefined:
    return a


print(later(3))
