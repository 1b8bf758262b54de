def warn(*args, **kwargs):
    pass


warn_explicit = filterwarnings = simplefilter = resetwarnings = warn


class catch_warnings:
    def __init__(self, **options):
        pass

    def __enter__(self):
        return []

    def __exit__(self, *exception):
        return False
