from typing import NamedTuple


class partial:
    def __init__(self, func, /, *args, **keywords):
        if isinstance(func, partial):
            args = (*func.args, *args)
            keywords = {**func.keywords, **keywords}
            func = func.func
        self.func = func
        self.args = args
        self.keywords = keywords

    def __call__(self, /, *args, **keywords):
        return self.func(*self.args, *args, **{**self.keywords, **keywords})


class partialmethod(partial):
    pass


def reduce(function, iterable, *initial):
    items = iter(iterable)
    if initial:
        result = initial[0]
    else:
        result = next(items, reduce)
        if result is reduce:
            raise TypeError('reduce() of empty iterable with no initial value')
    for item in items:
        result = function(result, item)
    return result


def update_wrapper(wrapper, wrapped, assigned=(), updated=()):
    for name in ('__name__', '__qualname__', '__doc__', '__module__'):
        if hasattr(wrapped, name):
            setattr(wrapper, name, getattr(wrapped, name))
    wrapper.__wrapped__ = wrapped
    return wrapper


def wraps(wrapped, assigned=(), updated=()):
    return lambda wrapper: update_wrapper(wrapper, wrapped)


class _CacheInfo(NamedTuple):
    hits: int
    misses: int
    maxsize: int
    currsize: int

    def __repr__(self):
        return f'CacheInfo(hits={self.hits}, misses={self.misses}, maxsize={self.maxsize}, currsize={self.currsize})'


def _cached(function, maxsize):
    known = {}
    counts = [0, 0]

    def wrapper(*args, **kwargs):
        key = (args, tuple(kwargs.items()))
        if key in known:
            counts[0] += 1
            if maxsize is not None:
                known[key] = known.pop(key)
            return known[key]
        counts[1] += 1
        result = function(*args, **kwargs)
        if maxsize is not None and len(known) >= maxsize > 0:
            del known[next(iter(known))]
        if maxsize != 0:
            known[key] = result
        return result

    def clear():
        known.clear()
        counts[:] = [0, 0]

    wrapper.cache_clear = clear
    wrapper.cache_info = lambda: _CacheInfo(*counts, maxsize, len(known))
    return update_wrapper(wrapper, function)


def lru_cache(maxsize=128, typed=False):
    if callable(maxsize):
        return _cached(maxsize, 128)
    return lambda function: _cached(function, maxsize)


def cache(function):
    return _cached(function, None)


def cached_property(function):
    name = function.__name__

    def getter(self):
        if name not in self.__dict__:
            self.__dict__[name] = function(self)
        return self.__dict__[name]
    return property(getter, doc=function.__doc__)


def singledispatch(function):
    return function


def cmp_to_key(function):
    class Key:
        def __init__(self, value):
            self.value = value

        def __lt__(self, other):
            return function(self.value, other.value) < 0
    return Key


def total_ordering(cls):
    own = cls.__dict__
    if '__lt__' in own:
        made = {'__gt__': lambda a, b: not a < b and a != b, '__le__': lambda a, b: a < b or a == b,
                '__ge__': lambda a, b: not a < b}
    elif '__gt__' in own:
        made = {'__lt__': lambda a, b: not a > b and a != b, '__ge__': lambda a, b: a > b or a == b,
                '__le__': lambda a, b: not a > b}
    elif '__le__' in own:
        made = {'__ge__': lambda a, b: not a <= b or a == b, '__lt__': lambda a, b: a <= b and a != b,
                '__gt__': lambda a, b: not a <= b}
    elif '__ge__' in own:
        made = {'__le__': lambda a, b: not a >= b or a == b, '__gt__': lambda a, b: a >= b and a != b,
                '__lt__': lambda a, b: not a >= b}
    else:
        raise ValueError('must define at least one ordering operation: < > <= >=')
    for name, method in made.items():
        if name not in own:
            setattr(cls, name, method)
    return cls
