# Tutorial 002: which start the printed losses belong to.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
first = (
    [[0.1493, -0.5595, 0.1657], [-0.0701, 0.2045, 0.3951]],
    [0.5860, 0.3001],
)
second = [[-0.2910, -0.3450, 0.0305], [-0.6528, 0.7386, -0.5153]]

path = gradline.Trajectory(moments, lr=1e-5, init=first)
print(f"the start on the page:    loss {path.at(0).loss:8.1f}, printed 15813.8")

# The second start's bias is not printed, only what it is after two updates.
# An update moves the bias by nearly the same amount from any bias close by.
printed = [-0.9137, -0.7759]
moved = gradline.Trajectory(moments, lr=1e-5, init=(second, printed)).at(2).bias
bias = [
    2 * after - shifted for after, shifted in zip(printed, moved, strict=True)
]
print("the second start's bias:  {:.4f} and {:.4f}".format(*bias))

gradient = [10740.7, 12376.3, 7471.2, 9458.5, 10033.9, 6344.1]  # as printed
slack = 5e-5 * sum(gradient)
print(
    f"four printed decimals of the weights move the first loss by up to {slack:.1f}"
)

path = gradline.Trajectory(moments, lr=1e-5, init=(second, bias))
for updates, printed in ((0, 15813.8), (1, 10762.5), (2, 7357.5), (102, 130.4)):
    loss = path.at(updates).loss
    print(f"second start, {updates:>3} updates: {loss:8.1f}, printed {printed}")
