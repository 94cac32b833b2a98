"""What ZeroGPU, the hardware of Spaces that are free of charge, asks of a page."""


def satisfy_zero_gpu() -> None:
    """Mark a function as one that is lent a GPU: ZeroGPU does not start a page that has none.

    It is never called. The networks take milliseconds on the CPU, less than it takes to be lent a GPU, and visitors
    keep their share of it. Elsewhere than on such a Space nothing happens.
    """
    try:
        import spaces
    except ImportError:
        return
    spaces.GPU(_nothing)


def _nothing() -> None:
    """Needs no GPU."""
