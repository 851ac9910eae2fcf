# What only you know of a run goes into the next version.
import gradline
from gradline import history

history.set_project("linear-regression")
history.log_dataset(description="yields of 15 regions")
history.log_hyperparams(arch="one linear layer")
history.log_metrics(loss_on_paper=0.91)
version = gradline.commit("the loop by hand", notebook=None)
for kind, said in version.logged.items():
    print(kind, said)
