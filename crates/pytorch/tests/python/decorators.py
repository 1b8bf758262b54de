"""Decorators with and without arguments, stacked, on functions and classes."""
from functools import wraps

registry = {}


def register(name):
    def wrap(target):
        registry[name] = target
        return target
    return wrap


def loud(function):
    @wraps(function)
    def inner(*args, **kwargs):
        print("calling", function.__name__)
        return function(*args, **kwargs)
    return inner


def twice(function):
    def inner(*args):
        return function(function(*args))
    return inner


@register("small")
@loud
def small(depth=18):
    """A small one."""
    return f"small{depth}"


print(small(), registry["small"](depth=34), small.__name__, small.__doc__)


@twice
@twice
def add_one(x):
    return x + 1


print(add_one(0), add_one.__name__)


@register("cls")
class Model:
    def __init__(self, n=1):
        self.n = n


print(sorted(registry), registry["cls"](3).n)


class memo:
    def __init__(self, function):
        self.function, self.seen = function, {}

    def __call__(self, x):
        if x not in self.seen:
            self.seen[x] = self.function(x)
        return self.seen[x]


@memo
def square(x):
    print("computing", x)
    return x * x


print(square(3), square(3))
