class nullcontext:
    def __init__(self, enter_result=None):
        self.enter_result = enter_result

    def __enter__(self):
        return self.enter_result

    def __exit__(self, *exception):
        return False


class suppress:
    def __init__(self, *exceptions):
        self.exceptions = exceptions

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        return kind is not None and issubclass(kind, self.exceptions)


class _Managed:
    def __init__(self, values):
        self.values = values

    def __enter__(self):
        return next(self.values)

    def __exit__(self, *exception):
        return False


def contextmanager(function):
    return lambda *args, **kwargs: _Managed(function(*args, **kwargs))
