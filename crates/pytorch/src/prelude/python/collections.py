import _torch


class OrderedDict(dict):
    __init__ = _torch.ordered_dict_init


class defaultdict(dict):
    __init__ = _torch.default_dict_init


class Counter(dict):
    __init__ = _torch.counter_init

    def most_common(self, n=None):
        pairs = sorted(self.items(), key=lambda pair: pair[1], reverse=True)
        return pairs if n is None else pairs[:n]

    def total(self):
        return sum(self.values())

    def elements(self):
        for item, count in self.items():
            for _ in range(count):
                yield item

    def subtract(self, other=(), **counts):
        for item, count in Counter(other, **counts).items():
            self[item] -= count


class deque(list):
    def __init__(self, items=(), maxlen=None):
        super().__init__()
        self._most = maxlen
        self.extend(items)

    @property
    def maxlen(self):
        return self._most

    def append(self, item):
        super().append(item)
        if self._most is not None and len(self) > self._most:
            del self[0]

    def appendleft(self, item):
        self.insert(0, item)
        if self._most is not None and len(self) > self._most:
            super().pop()

    def extend(self, items):
        for item in items:
            self.append(item)

    def extendleft(self, items):
        for item in items:
            self.appendleft(item)

    def pop(self):
        if not self:
            raise IndexError('pop from an empty deque')
        return super().pop()

    def popleft(self):
        if not self:
            raise IndexError('pop from an empty deque')
        return super().pop(0)

    def rotate(self, n=1):
        for _ in range(n % len(self) if self else 0):
            self.insert(0, super().pop())

    def copy(self):
        return deque(self, self._most)

    def __repr__(self):
        bound = '' if self._most is None else f', maxlen={self._most}'
        return f'deque({list(self)!r}{bound})'


def _counted(names):
    shown = [repr(name) for name in names]
    if len(shown) > 2:
        shown = [', '.join(shown[:-1]) + ',', shown[-1]]
    plural = '' if len(names) == 1 else 's'
    return f'{len(names)} required positional argument{plural}: ' + ' and '.join(shown)


class _Tuple(tuple):
    _fields = ()
    _field_defaults = {}

    def __new__(cls, *args, **kwargs):
        function = f'{cls.__name__}.__new__()'
        if len(args) > len(cls._fields):
            most = len(cls._fields) + 1
            least = most - len(cls._field_defaults)
            takes = most if least == most else f'from {least} to {most}'
            raise TypeError(f'{function} takes {takes} positional arguments but {len(args) + 1} were given')
        values = list(args)
        missing = []
        for name in cls._fields[len(args):]:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in cls._field_defaults:
                values.append(cls._field_defaults[name])
            else:
                missing.append(name)
        for name in kwargs:
            what = 'multiple values for argument' if name in cls._fields else 'an unexpected keyword argument'
            raise TypeError(f"{function} got {what} '{name}'")
        if missing:
            raise TypeError(f'{function} missing {_counted(missing)}')
        return object.__new__(cls, tuple(values))

    def __init__(self, *args, **kwargs):
        pass

    def __repr__(self):
        shown = ', '.join(f'{name}={value!r}' for name, value in zip(self._fields, self))
        return f'{self.__class__.__name__}({shown})'

    @classmethod
    def _make(cls, values):
        return cls(*values)

    def _asdict(self):
        return dict(zip(self._fields, self))

    def _replace(self, **changes):
        return self.__class__(**{**self._asdict(), **changes})


def _field(index):
    return property(lambda self: tuple(self)[index])


def _name_fields(cls, fields, defaults):
    cls._fields = tuple(fields)
    cls._field_defaults = defaults
    for index, name in enumerate(cls._fields):
        setattr(cls, name, _field(index))
    return cls


def namedtuple(typename, field_names, *, rename=False, defaults=None, module=None):
    if isinstance(field_names, str):
        field_names = field_names.replace(',', ' ').split()
    fields = list(field_names)
    values = list(defaults or ())
    return _name_fields(_torch.make_class(typename, _Tuple), fields, dict(zip(fields[len(fields) - len(values):], values)))
