from torch.nn import Module


def script(obj=None, *args, **kwargs):
    return obj


ignore_ = script


def _decorator(function=None, *args, **kwargs):
    return function if callable(function) else lambda decorated: decorated


ignore = unused = export = script_method = interface = script_if_tracing = _decorator
_overload = _overload_method = _decorator
Final = {}


def trace(function, *args, **kwargs):
    return function


def is_scripting():
    return False


def is_tracing():
    return False


def annotate(kind, value):
    return value


class ScriptModule(Module):
    pass


class Attribute:
    def __new__(cls, value, kind):
        return value
