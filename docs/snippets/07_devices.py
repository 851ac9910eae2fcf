# Model and data on the device that is there.
import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

model = nn.Linear(3, 2).to(device)
inputs = torch.tensor([[73.0, 67.0, 43.0]]).to(device)
predictions = model(inputs)

print("all on one device:", predictions.device == inputs.device)
print("model and data agree:", model.weight.device == inputs.device)
