from collections import _Tuple, _name_fields


class _Kind:
    def __init__(self, origin=None):
        if origin is not None:
            self.__origin__ = origin

    def __getitem__(self, item):
        return self

    def __or__(self, other):
        return self

    def __ror__(self, other):
        return self

    def __call__(self, *args, **kwargs):
        return args[0] if args else self


class Generic:
    pass


class Protocol:
    pass


class TypedDict(dict):
    pass


class NamedTuple(_Tuple):
    def __init_subclass__(cls):
        fields = list(cls.__annotations__)
        _name_fields(cls, fields, {name: cls.__dict__[name] for name in fields if name in cls.__dict__})


Generic = _Kind(Generic)
Protocol = _Kind(Protocol)
Any = Union = Optional = Literal = Final = ClassVar = Annotated = Concatenate = ParamSpecArgs = Self = _Kind()
Callable = Type = TypeAlias = TypeGuard = NoReturn = Never = Hashable = Required = NotRequired = Unpack = _Kind()
SupportsFloat = SupportsInt = SupportsIndex = AnyStr = Text = IO = TextIO = BinaryIO = Pattern = Match = _Kind()
Awaitable = Coroutine = AsyncIterator = ContextManager = _Kind()
List = MutableSequence = _Kind(list)
Tuple = _Kind(tuple)
Dict = DefaultDict = OrderedDict = Mapping = MutableMapping = Counter = _Kind(dict)
Set = MutableSet = AbstractSet = _Kind(set)
FrozenSet = _Kind(frozenset)
Sequence = _Kind(list)
Iterable = Iterator = Generator = Collection = Container = Sized = Reversible = Deque = _Kind()
TYPE_CHECKING = False


def TypeVar(name, *args, **kwargs):
    return _Kind()


ParamSpec = TypeVarTuple = TypeVar


def NewType(name, kind):
    return lambda value: value


def cast(kind, value):
    return value


def overload(function):
    return function


final = no_type_check = runtime_checkable = override = overload


def get_type_hints(of, *args, **kwargs):
    return {}


def get_origin(kind):
    return None


def get_args(kind):
    return ()
