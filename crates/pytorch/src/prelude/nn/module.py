import _torch


class Module:
    __init__ = _torch.module_init
    __call__ = _call_impl = _torch.module_call
    __repr__ = _torch.module_repr
    children = _torch.children
    named_children = _torch.named_children
    modules = _torch.modules
    named_modules = _torch.named_modules
    parameters = _torch.parameters
    named_parameters = _torch.named_parameters
    buffers = _torch.buffers
    named_buffers = _torch.named_buffers
    state_dict = _torch.state_dict
    load_state_dict = _torch.load_state_dict
    get_submodule = _torch.get_submodule
    add_module = _torch.add_module
    register_module = _torch.add_module
    register_parameter = _torch.register_parameter
    register_buffer = _torch.register_buffer
    apply = _torch.apply
    train = _torch.train
    requires_grad_ = _torch.requires_grad_
    zero_grad = _torch.zero_grad
    to = cuda = cpu = float = double = half = bfloat16 = type = compile = share_memory = _torch.itself
    to_empty = xpu = _torch.itself
    register_forward_hook = register_forward_pre_hook = _torch.register_hook
    register_full_backward_hook = register_backward_hook = _torch.register_hook
    register_load_state_dict_post_hook = register_load_state_dict_pre_hook = _torch.register_hook
    _register_load_state_dict_pre_hook = register_state_dict_pre_hook = _torch.register_hook

    def eval(self):
        return self.train(False)

    def extra_repr(self):
        return ''

    def _get_name(self):
        return self.__class__.__name__

    def get_parameter(self, target):
        path, _, name = target.rpartition('.')
        return getattr(self.get_submodule(path), name)

    get_buffer = get_parameter

    def __dir__(self):
        return [name for name in self.__dict__]

    @property
    def _modules(self):
        return _torch.own_modules(self)

    @property
    def _parameters(self):
        return _torch.own_parameters(self)

    @property
    def _buffers(self):
        return _torch.own_buffers(self)


_torch.module_class(Module)
