def _ntuple(n, name='parse'):
    def parse(x):
        if isinstance(x, (int, float, str)) or x is None:
            return (x,) * n
        return tuple(x)
    return parse


_single = _ntuple(1)
_pair = _ntuple(2)
_triple = _ntuple(3)
_quadruple = _ntuple(4)


def consume_prefix_in_state_dict_if_present(state_dict, prefix):
    pass
