class _Missing:
    pass


MISSING = _Missing()


class Field:
    def __init__(self, default=MISSING, default_factory=MISSING, init=True):
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.name = None


def field(*, default=MISSING, default_factory=MISSING, init=True, repr=True, hash=None, compare=True, metadata=None,
          kw_only=False):
    return Field(default, default_factory, init)


def _init(self, *args, **kwargs):
    cls = self.__class__
    values = list(args)
    for name, described in cls.__dataclass_fields__.items():
        if described.init and values:
            value = values.pop(0)
        elif described.init and name in kwargs:
            value = kwargs.pop(name)
        elif described.default is not MISSING:
            value = described.default
        elif described.default_factory is not MISSING:
            value = described.default_factory()
        elif described.init:
            raise TypeError(f"{cls.__name__}.__init__() missing 1 required positional argument: '{name}'")
        else:
            continue
        setattr(self, name, value)
    if values:
        raise TypeError(f'{cls.__name__}.__init__() takes {len(cls.__dataclass_fields__)} values, {len(args)} are given')
    for name in kwargs:
        raise TypeError(f"{cls.__name__}.__init__() got an unexpected keyword argument '{name}'")
    if hasattr(self, '__post_init__'):
        self.__post_init__()


def _repr(self):
    shown = ', '.join(f'{name}={getattr(self, name)!r}' for name in self.__dataclass_fields__)
    return f'{self.__class__.__name__}({shown})'


def _eq(self, other):
    return self.__class__ is other.__class__ and asdict(self) == asdict(other)


def dataclass(cls=None, **options):
    if cls is None:
        return lambda decorated: dataclass(decorated, **options)
    described = dict(getattr(cls, '__dataclass_fields__', {}))
    for name in cls.__annotations__:
        default = cls.__dict__.get(name, MISSING)
        described[name] = default if isinstance(default, Field) else Field(default)
        described[name].name = name
    cls.__dataclass_fields__ = described
    for name, method in (('__init__', _init), ('__repr__', _repr), ('__eq__', _eq)):
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return cls


def fields(of):
    return tuple(of.__dataclass_fields__.values())


def is_dataclass(of):
    return hasattr(of, '__dataclass_fields__')


def asdict(of):
    return {name: getattr(of, name) for name in of.__dataclass_fields__}


def astuple(of):
    return tuple(asdict(of).values())


def replace(of, **changes):
    return of.__class__(**{**asdict(of), **changes})
