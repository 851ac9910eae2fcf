# A kind of fruit that training never saw.
import gradline

market = {
    "kind": ["apple", "apple", "orange", "orange", "pear", "pear"],
    "tons": [1.0, 3.0, 1.0, 2.0, 2.0, 4.0],
    "price": [3.1, 5.0, 4.2, 4.9, 3.8, 6.1],
}
model = gradline.fit(market, "price")
print("columns:", ", ".join(model.features))

new = {"kind": ["pear", "plum"], "tons": [2.0, 2.0]}
try:
    model.predict(new)
except gradline.GradlineError as error:
    print(str(error).split(".")[0])

pear, plum = model.predict(new, unseen="base")[:, 0]
apple = model.predict({"kind": ["apple"], "tons": [2.0]})[0, 0]
print(f"pear {pear:.2f}, plum {plum:.2f}, apple {apple:.2f}")
