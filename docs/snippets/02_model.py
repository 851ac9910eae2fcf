# Five regions in, two yields each out.
import torch

inputs = torch.tensor(
    [[73.0, 67, 43], [91, 88, 64], [87, 134, 58], [102, 43, 37], [69, 96, 70]]
)
w = torch.tensor([[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]])
b = torch.tensor([2.2341, -1.7922])


def model(x):
    return x @ w.t() + b


predictions = model(inputs)
shapes = [tuple(part.shape) for part in (inputs, w.t(), b, predictions)]
print("{} @ {} + {} → {}".format(*shapes))
print(predictions.numpy().round(1))
