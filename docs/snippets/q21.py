# A step in proportion, and a step too far.
def loss(w):
    return 5 * (w - 2) ** 2


w, gradient = 3.0, 10.0  # the slope of the loss at w = 3
print(f"loss {loss(w):.0f}")
print(f"minus a tenth of the gradient: loss {loss(w - 0.1 * gradient):.0f}")
print(f"minus the whole gradient:      loss {loss(w - gradient):.0f}")
