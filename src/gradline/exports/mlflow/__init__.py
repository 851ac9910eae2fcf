"""The gradline flavour of MLflow, and versions pushed to a tracking server; `gradline.mlflow` is its face."""
