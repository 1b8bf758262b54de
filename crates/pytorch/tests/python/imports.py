import collections as c, math
import os.path
from collections import OrderedDict as OD, deque
from functools import (
    partial,
    reduce,
)

print(c.OrderedDict is OD, math.pi > 3, deque([1]), partial(max, 1)(2), reduce(max, [1, 3, 2]), math.__name__)


def local():
    import itertools
    from math import floor as f
    return f(2.5), list(itertools.repeat(1, 2))


print(local())
try:
    import numpy_is_not_called_this
except ImportError as error:
    print(type(error).__name__, error)
    fallback = True
print(fallback)
try:
    from math import nothing_like_this
except ImportError as error:
    print(type(error).__name__)
__all__ = ["local"]
print(__all__, __name__)
