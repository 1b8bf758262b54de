import _torch
from torch.nn.modules.module import Module


class Sequential(Module):
    __init__ = _torch.sequential_init
    __iter__ = _torch.children_iter
    forward = _torch.sequential_forward
    __len__ = _torch.children_len
    __setitem__ = _torch.children_set
    __delitem__ = _torch.children_del
    append = _torch.children_append
    insert = _torch.children_insert
    extend = _torch.children_extend

    def __getitem__(self, index):
        return _torch.children_get(self, index, True)

    def __add__(self, other):
        return Sequential(*self, *other)

    def __iadd__(self, other):
        return self.extend(other)

    def __mul__(self, times):
        return Sequential(*[layer for _ in range(times) for layer in self])

    __rmul__ = __mul__

    def pop(self, index):
        layer = self[index]
        del self[index]
        return layer


class ModuleList(Module):
    def __init__(self, modules=None):
        _torch.list_init(self, modules)

    __len__ = _torch.children_len
    __setitem__ = _torch.children_set
    __delitem__ = _torch.children_del
    __repr__ = _torch.module_list_repr
    append = _torch.children_append

    __iter__ = _torch.children_iter

    def __getitem__(self, index):
        return _torch.children_get(self, index, False)

    def extend(self, modules):
        return _torch.children_extend(self, modules)

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        return ModuleList([*self, *other])

    def insert(self, index, module):
        _torch.children_insert(self, index, module)

    def pop(self, index):
        layer = self[index]
        del self[index]
        return layer


class ModuleDict(Module):
    def __init__(self, modules=None):
        _torch.dict_update(self, modules)

    __len__ = _torch.children_len
    __setitem__ = _torch.add_module

    def __getitem__(self, key):
        return self._modules[key]

    def __delitem__(self, key):
        delattr(self, key)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def keys(self):
        return self._modules.keys()

    def items(self):
        return self._modules.items()

    def values(self):
        return self._modules.values()

    def update(self, modules):
        _torch.dict_update(self, modules)

    def pop(self, key):
        layer = self[key]
        del self[key]
        return layer

    def clear(self):
        for key in list(self):
            del self[key]


class ParameterList(Module):
    def __init__(self, values=None):
        _torch.module_init(self)
        if values is not None:
            self.extend(values)

    append = _torch.parameter_list_append

    def extend(self, values):
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values):
        return self.extend(values)

    def __len__(self):
        return len(self._parameters)

    def __iter__(self):
        return iter(self._parameters.values())

    def __getitem__(self, index):
        return list(self)[index]


class ParameterDict(Module):
    def __init__(self, parameters=None):
        _torch.module_init(self)
        if parameters is not None:
            for name, value in dict(parameters).items():
                self[name] = value

    def __getitem__(self, key):
        return self._parameters[key]

    def __setitem__(self, key, value):
        setattr(self, key, value)

    def __contains__(self, key):
        return key in self._parameters

    def __len__(self):
        return len(self._parameters)

    def __iter__(self):
        return iter(self._parameters)

    def keys(self):
        return self._parameters.keys()

    def items(self):
        return self._parameters.items()

    def values(self):
        return self._parameters.values()
