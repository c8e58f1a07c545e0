"""Names of the files that commands leave in a folder, and that others look for there."""

NETWORK = "sine"  # of the network that `tinysine train` makes
KERAS_FILE = f"{NETWORK}.keras"
INT8_FILE = f"{NETWORK}_int8.tflite"
TRAINING_JSON = "training.json"
