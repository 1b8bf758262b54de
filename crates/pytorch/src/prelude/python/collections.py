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


class deque(list):
    def appendleft(self, item):
        self.insert(0, item)

    def popleft(self):
        return self.pop(0)

    def extendleft(self, items):
        for item in items:
            self.insert(0, item)


class _Tuple(tuple):
    _fields = ()
    _field_defaults = {}

    def __new__(cls, *args, **kwargs):
        if len(args) > len(cls._fields):
            raise TypeError(f'{cls.__name__}() takes {len(cls._fields)} values, {len(args)} are given')
        values = list(args)
        for name in cls._fields[len(args):]:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in cls._field_defaults:
                values.append(cls._field_defaults[name])
            else:
                raise TypeError(f"{cls.__name__}() misses the value '{name}'")
        for name in kwargs:
            raise TypeError(f"{cls.__name__}() got an unexpected keyword argument '{name}'")
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
