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


def lru_cache(maxsize=128, typed=False):
    return maxsize if callable(maxsize) else lambda function: function


def cache(function):
    return function


cached_property = property


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
    return cls
