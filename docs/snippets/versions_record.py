# Train, commit, change the rate, commit.
import gradline

for lr in (1e-5, 1e-4):
    solver = gradline.GradientDescent(lr=lr, epochs=100)
    crops = gradline.fit("example:crops", ["apples", "oranges"], solver=solver)
    # In your notebook leave out notebook=None: it is recorded too.
    version = gradline.commit(f"lr {lr:g}", model=crops, notebook=None)
    facts = version.models["model.safetensors"]
    print(version, f"loss {facts['loss']:.4f}, {facts['status']}")
