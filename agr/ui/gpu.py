"""What ZeroGPU, the free hardware of Hugging Face Spaces, requires of an app."""


def satisfy_zero_gpu() -> None:
    """Register a function as one that uses a GPU: ZeroGPU does not start an app without one.

    It is never called. On the CPU, the networks take milliseconds, less than it takes to get a GPU, and visitors do not
    use up their quota. On other machines this does nothing.
    """
    try:
        import spaces
    except ImportError:
        return
    spaces.GPU(_nothing)


def _nothing() -> None:
    """Uses no GPU."""
