# How large a rate holds with momentum, and how long the slowest weight then takes.
import gradline

moments = gradline.Moments.of("example:crops", ["apples", "oranges"])
for momentum in (0.0, 0.9, 0.99):
    limit = gradline.Trajectory(moments, lr=1e-5, momentum=momentum).lr_limit
    path = gradline.Trajectory(moments, lr=0.9 * limit, momentum=momentum)
    epochs = path.epochs_to_weights() / 1e6
    print(
        f"momentum {momentum:4}: lr below {limit:.2e}, {epochs:.3f} million epochs"
    )
