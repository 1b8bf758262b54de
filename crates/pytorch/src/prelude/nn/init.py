from _torch import (
    init_calculate_gain as calculate_gain,
    init_fans as _calculate_fan_in_and_fan_out,
    init_uniform_ as uniform_,
    init_normal_ as normal_,
    init_trunc_normal_ as trunc_normal_,
    init_constant_ as constant_,
    init_ones_ as ones_,
    init_zeros_ as zeros_,
    init_kaiming_uniform_ as kaiming_uniform_,
    init_kaiming_normal_ as kaiming_normal_,
    init_xavier_uniform_ as xavier_uniform_,
    init_xavier_normal_ as xavier_normal_,
    init_orthogonal_ as orthogonal_,
    init_dirac_ as dirac_,
    init_eye_ as eye_,
    init_sparse_ as sparse_,
)

uniform = uniform_
normal = normal_
constant = constant_
eye = eye_
dirac = dirac_
xavier_uniform = xavier_uniform_
xavier_normal = xavier_normal_
kaiming_uniform = kaiming_uniform_
kaiming_normal = kaiming_normal_
orthogonal = orthogonal_
sparse = sparse_


def _calculate_correct_fan(tensor, mode):
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode.lower() == 'fan_in' else fan_out
