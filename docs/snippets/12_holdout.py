# Five of the fifteen rows kept out of training, drawn by chance.
import gradline

targets = ["apples", "oranges"]
for seed in range(3):
    model = gradline.fit("example:crops", targets, holdout=1 / 3, seed=seed)
    seen, held = model.training, model.holdout
    print(
        f"seed {seed}, RMSE of apples: {seen.rmse[0]:.2f}"
        f" on the {seen.rows} rows of training,"
        f" {held.rmse[0]:.2f} on the {held.rows} held out"
    )

# The same figures for any table with the same columns.
model = gradline.fit("example:crops5", targets)
other = model.evaluate("example:crops")
rmse = [round(value, 2) for value in other.rmse]
print(f"trained on five rows, RMSE on all {other.rows}:", rmse)
