"""Model families, one a file, each a function to architecture JSON; and the module built from such JSON."""

from ml.architecture import Architecture, Plan, check
from ml.models.classifier import Classifier, build
from ml.models.mlp import mlp
from ml.models.table_i import table_i

__all__ = ["Architecture", "Classifier", "Plan", "build", "check", "mlp", "table_i"]
