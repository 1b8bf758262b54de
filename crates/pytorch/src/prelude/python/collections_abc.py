Container = Collection = Iterable = (list, tuple, dict, str, bytes, set, frozenset, range)
Sized = Iterable
Iterator = Generator = ()
Sequence = (list, tuple, str, bytes, range)
MutableSequence = (list,)
Mapping = MutableMapping = (dict,)
Set = (set, frozenset)
MutableSet = (set,)


class Callable:
    pass


class Hashable:
    pass
