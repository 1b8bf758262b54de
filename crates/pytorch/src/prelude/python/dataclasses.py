from collections import _counted


class _Missing:
    def __repr__(self):
        return '<dataclasses._MISSING_TYPE object>'


MISSING = _Missing()
KW_ONLY = _Missing()


class FrozenInstanceError(AttributeError):
    pass


class Field:
    def __init__(self, default=MISSING, default_factory=MISSING, init=True, repr=True, hash=None, compare=True,
                 metadata=None, kw_only=False):
        self.name = None
        self.type = None
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.hash = hash
        self.compare = compare
        self.metadata = metadata or {}
        self.kw_only = kw_only


def field(*, default=MISSING, default_factory=MISSING, init=True, repr=True, hash=None, compare=True, metadata=None,
          kw_only=False):
    if default is not MISSING and default_factory is not MISSING:
        raise ValueError('cannot specify both default and default_factory')
    return Field(default, default_factory, init, repr, hash, compare, metadata, kw_only)


def _is_required(described):
    return described.default is MISSING and described.default_factory is MISSING


def _init(self, *args, **kwargs):
    cls = self.__class__
    function = f'{cls.__name__}.__init__()'
    known = cls.__dataclass_fields__
    by_position = [name for name, described in known.items() if described.init and not described.kw_only]
    if len(args) > len(by_position):
        most = len(by_position) + 1
        least = 1 + len([name for name in by_position if _is_required(known[name])])
        takes = most if least == most else f'from {least} to {most}'
        plural = '' if most == 1 else 's'
        raise TypeError(f'{function} takes {takes} positional argument{plural} but {len(args) + 1} were given')
    given = dict(zip(by_position, args))
    for name, value in kwargs.items():
        if name in given:
            raise TypeError(f"{function} got multiple values for argument '{name}'")
        if name not in known or not known[name].init:
            raise TypeError(f"{function} got an unexpected keyword argument '{name}'")
        given[name] = value
    missing = [name for name in by_position if name not in given and _is_required(known[name])]
    if missing:
        raise TypeError(f'{function} missing {_counted(missing)}')
    for name, described in known.items():
        if name in given:
            value = given[name]
        elif described.default is not MISSING:
            value = described.default
        elif described.default_factory is not MISSING:
            value = described.default_factory()
        elif described.init:
            raise TypeError(f"{function} missing 1 required keyword-only argument: '{name}'")
        else:
            continue
        object.__setattr__(self, name, value)
    if hasattr(self, '__post_init__'):
        self.__post_init__()


def _repr(self):
    shown = [f'{name}={getattr(self, name)!r}' for name, known in self.__dataclass_fields__.items() if known.repr]
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _compared(of):
    return tuple([getattr(of, name) for name, known in of.__dataclass_fields__.items() if known.compare])


def _eq(self, other):
    return _compared(self) == _compared(other) if self.__class__ is other.__class__ else NotImplemented


def _lt(self, other):
    return _compared(self) < _compared(other) if self.__class__ is other.__class__ else NotImplemented


def _le(self, other):
    return _compared(self) <= _compared(other) if self.__class__ is other.__class__ else NotImplemented


def _gt(self, other):
    return _compared(self) > _compared(other) if self.__class__ is other.__class__ else NotImplemented


def _ge(self, other):
    return _compared(self) >= _compared(other) if self.__class__ is other.__class__ else NotImplemented


def _hash(self):
    return hash(_compared(self))


def _frozen_set(self, name, value):
    raise FrozenInstanceError(f'cannot assign to field {name!r}')


def _frozen_delete(self, name):
    raise FrozenInstanceError(f'cannot delete field {name!r}')


def _described(cls, kw_only):
    described = dict(getattr(cls, '__dataclass_fields__', {}))
    for name, kind in cls.__annotations__.items():
        if kind is KW_ONLY or kind == 'KW_ONLY':
            kw_only = True
            continue
        default = cls.__dict__.get(name, MISSING)
        if isinstance(default, (list, dict, set)):
            raise ValueError(f'mutable default {type(default)} for field {name} is not allowed: use default_factory')
        one = default if isinstance(default, Field) else Field(default)
        one.name = name
        one.type = kind
        one.kw_only = one.kw_only or kw_only
        if isinstance(default, Field):
            if one.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, one.default)
        described[name] = one
    required = True
    for name, one in described.items():
        if one.init and not one.kw_only:
            if _is_required(one) and not required:
                raise TypeError(f'non-default argument {name!r} follows default argument')
            required = required and _is_required(one)
    return described


def dataclass(cls=None, *, init=True, repr=True, eq=True, order=False, unsafe_hash=False, frozen=False, match_args=True,
              kw_only=False, slots=False, weakref_slot=False):
    if cls is None:
        return lambda decorated: dataclass(decorated, init=init, repr=repr, eq=eq, order=order, unsafe_hash=unsafe_hash,
                                           frozen=frozen, match_args=match_args, kw_only=kw_only)
    cls.__dataclass_fields__ = _described(cls, kw_only)
    has_hash = '__hash__' in cls.__dict__
    made = []
    if init:
        made.append(('__init__', _init))
    if repr:
        made.append(('__repr__', _repr))
    if eq:
        made.append(('__eq__', _eq))
    if order:
        made += [('__lt__', _lt), ('__le__', _le), ('__gt__', _gt), ('__ge__', _ge)]
    if frozen:
        made += [('__setattr__', _frozen_set), ('__delattr__', _frozen_delete)]
    if match_args:
        made.append(('__match_args__', tuple([name for name, one in cls.__dataclass_fields__.items() if one.init])))
    for name, method in made:
        if name not in cls.__dict__:
            setattr(cls, name, method)
    if unsafe_hash or (eq and frozen and not has_hash):
        cls.__hash__ = _hash
    elif eq and not has_hash:
        cls.__hash__ = None
    return cls


def fields(of):
    return tuple(of.__dataclass_fields__.values())


def is_dataclass(of):
    return hasattr(of, '__dataclass_fields__')


def _plain(value, make):
    if is_dataclass(value) and not isinstance(value, type):
        return make([(name, _plain(getattr(value, name), make)) for name in value.__dataclass_fields__])
    if isinstance(value, list):
        return [_plain(item, make) for item in value]
    if isinstance(value, tuple) and not hasattr(value, '_fields'):
        return tuple([_plain(item, make) for item in value])
    if isinstance(value, dict):
        return {key: _plain(item, make) for key, item in value.items()}
    return value


def asdict(of, *, dict_factory=dict):
    return _plain(of, dict_factory)


def astuple(of):
    return _plain(of, lambda pairs: tuple([value for _, value in pairs]))


def replace(of, **changes):
    given = {name: getattr(of, name) for name, one in of.__dataclass_fields__.items() if one.init}
    return of.__class__(**{**given, **changes})
