def is_available():
    return False


is_initialized = is_bf16_supported = is_available


def device_count():
    return 0


def manual_seed(seed):
    pass


def _nothing(*args, **kwargs):
    pass


manual_seed_all = empty_cache = synchronize = set_device = reset_peak_memory_stats = _nothing
