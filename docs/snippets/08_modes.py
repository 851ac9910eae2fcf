# What train() and eval() switch: here a layer that drops numbers at random.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5))
x = torch.ones(1000, 1)

for mode in (model.train, model.eval):
    with torch.no_grad():
        predictions = mode()(x)
    different = len(predictions.unique())
    print(f"{mode.__name__}: {different} different predictions for one input")

line = nn.Linear(1, 1)
same = torch.equal(line.train()(x), line.eval()(x))
print("a linear layer predicts the same in both:", same)
