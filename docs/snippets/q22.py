# Four rates, a thousand epochs each.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
limit = gradline.Trajectory(moments, lr=1e-5).lr_limit
for lr in (1e-7, 1e-5, 0.99 * limit, 1.01 * limit):
    loss = gradline.Trajectory(moments, lr=lr).at(1000).loss
    print(f"lr {lr:.2e}: loss {loss:.2g} after 1,000 epochs")
