# The leaf that .to() loses.
import torch

# "meta" is a device that every machine has: it holds shapes, no numbers.
moved = torch.ones(2, requires_grad=True).to("meta")
made_there = torch.ones(2, device="meta", requires_grad=True)
marked_there = torch.ones(2).to("meta").requires_grad_()

print("marked, then moved: a leaf?", moved.is_leaf)
print("made there:         a leaf?", made_there.is_leaf)
print("moved, then marked: a leaf?", marked_there.is_leaf)
