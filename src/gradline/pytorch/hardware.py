"""Where tensors can live on this machine: its devices and their names."""

import torch

from gradline.core.text import counted, listed


def devices() -> dict[str, str]:
    """The devices that PyTorch finds, `cpu` first, each with its name; the CPU is called after its threads.

    >>> from gradline.pytorch import devices
    >>> next(iter(devices()))
    'cpu'
    """
    found = {"cpu": f"the processor, {counted(torch.get_num_threads(), 'thread')}"}
    return found | {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}


def said() -> str:
    """Which PyTorch this is, how many CUDA devices it finds, and their names."""
    names = [f"{place} ({name})" for place, name in devices().items() if place != "cpu"]
    if not names:
        return f"PyTorch {torch.__version__} finds no CUDA device here."
    return f"PyTorch {torch.__version__} finds {counted(len(names), 'CUDA device')}: {listed(names)}."
