# The parameters by name.
from torch import nn

model = nn.Linear(3, 2)
print(type(model.weight).__name__, tuple(model.weight.shape))
print([(name, tuple(p.shape)) for name, p in model.named_parameters()])
