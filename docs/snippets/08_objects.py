# One training loop, two models, two optimisers.
import torch
from torch import nn


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.b + self.w * x


def train(model, loss_fn, opt, x, y, epochs):
    for _ in range(epochs):
        loss = loss_fn(model(x), y)  # 1 predict, 2 loss
        loss.backward()  # 3 gradient
        opt.step()  # 4 update
        opt.zero_grad()  # 5 reset
    return model


x = torch.linspace(0, 1, 80).reshape(-1, 1)
y = 1 + 2 * x

model = Line()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
train(model, nn.MSELoss(), opt, x, y, epochs=1000)
print(
    {name: round(value.item(), 2) for name, value in model.state_dict().items()}
)

model = nn.Linear(1, 1)  # another model, the same training
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
train(model, nn.MSELoss(), opt, x, y, epochs=1000)
print(
    {name: round(value.item(), 2) for name, value in model.state_dict().items()}
)
