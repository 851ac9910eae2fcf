"""The training loop on PyTorch, step by step, with the classic mistakes made on purpose."""
