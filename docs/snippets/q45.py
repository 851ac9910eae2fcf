# A saved model and a region it has not seen.
import gradline

model = gradline.fit("example:crops", ["apples", "oranges"])
model.save("crops.safetensors")

again = gradline.load("crops.safetensors")
region = {"temp": [75], "rainfall": [63], "humidity": [44]}
apples, oranges = again.predict(region)[0]
print(f"apples {apples:.1f}, oranges {oranges:.1f}")
