# An epoch, counted in updates.
import math

rows = 15
for batch_size in (15, 5, 4):
    print(
        f"batches of {batch_size}: {math.ceil(rows / batch_size)} updates an epoch"
    )
