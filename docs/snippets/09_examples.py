# A rule learned from wrong examples.
import gradline

# The thermometer in these examples reads 1 °C too high above 60 °F.
examples = [[14.0], [32.0], [50.0], [68.0], [104.0]]
answers = [-10.0, 0.0, 10.0, 21.0, 41.0]

learned = gradline.fit(examples, answers)
found = learned.predict([[32.0], [212.0]])[:, 0]
print(f" 32 °F → {found[0]:.1f} °C")
print(f"212 °F → {found[1]:.1f} °C")
print(f"the best line leaves a loss of {learned.certificate.loss:.2f}")
