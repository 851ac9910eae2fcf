# A rule that is written, and the same rule learned.
import gradline


def celsius(fahrenheit):  # classical: a person writes the rule
    return (fahrenheit - 32) * 5 / 9


examples = [[14.0], [32.0], [50.0], [68.0], [104.0]]
answers = [celsius(row[0]) for row in examples]

# machine learning: the rule is found from the examples
descent = gradline.GradientDescent(lr="auto", epochs=100)
learned = gradline.fit(examples, answers, solver=descent)
print(
    f"learned: {learned.weight[0, 0]:.4f} · fahrenheit {learned.bias[0]:+.4f}"
)

for value in (0.0, 212.0):
    rule, found = celsius(value), learned.predict([[value]])[0, 0]
    print(
        f"{value:5.1f} °F: by the rule {rule:6.2f} °C, learned {found:6.2f} °C"
    )
