# What graphics cards there are, and where a tensor lives.
import torch

for i in range(torch.cuda.device_count()):  # none: prints nothing
    print(f"cuda:{i}:", torch.cuda.get_device_name(i))

x = torch.tensor([1.0, 2.0])
print("device:", x.device)
print("dtype: ", x.dtype)
print("type:  ", x.type())
