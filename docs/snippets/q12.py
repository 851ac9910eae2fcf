# Errors, squares, mean.
predictions, targets = [3.0, 5.0], [1.0, 6.0]

errors = [p - t for p, t in zip(predictions, targets, strict=True)]
print("errors ", errors)
print("squares", [error**2 for error in errors])
print("mean   ", sum(error**2 for error in errors) / len(errors))
