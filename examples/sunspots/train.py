# SPDX-License-Identifier: MIT
"""Trains the GRU of the sunspots example in Keras and records what Keras forecasts.

    python train.py            train on 1700-1979, write the .keras and .csv files beside this one, print the table
    python train.py --search   how the hyper-parameters were chosen: validation spans inside the training years only
    python train.py --spread   the same training with seeds 0-29, to see how much of the result is luck
    python train.py --compare  the recorded training again from keras_initial.keras, on the backend that KERAS_BACKEND
                               names (tensorflow, without XLA; jax; torch), to see how far it comes apart

README.md beside this file describes data, design and results.
"""
import os
import sys

COMPARES = sys.argv[1:] == ["--compare"]
if not COMPARES:
    os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # one rounding on every CPU, as far as possible

import keras
import numpy as np
import tensorflow as tf  # its data pipelines; the model runs on the backend chosen above

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

HERE = os.path.dirname(os.path.abspath(__file__))
LAST_TRAINING_YEAR = 1979
VALIDATION = ((1879, 1929), (1929, 1979))  # (last year fitted, last year validated), both inside the training years
LAGS = 9  # of the linear model
SEED = 1  # fixed before any GRU was run on the held-out years
UNITS, L2, STEPS = 24, 3e-4, 600  # chosen by --search
GRID_UNITS, GRID_L2, GRID_STEPS, BLOCK, GRID_SEEDS = (8, 16, 24, 32), (1e-4, 3e-4, 1e-3), 1500, 100, (1, 2, 3)


def read_sunspots():
    table = np.loadtxt(os.path.join(HERE, "sunspots.csv"), delimiter=",", skiprows=1)
    return table[:, 0].astype(int), table[:, 1]


def normalise(x, scale):
    """Square root, then [0, scale] to [-1, 1]; scale is the largest sunspot number of the years fitted."""
    return 2.0 * np.sqrt(x / scale) - 1.0


def denormalise(y, scale):
    return scale * (0.5 * (np.maximum(y, -1.0) + 1.0)) ** 2


def rmse(prediction, truth):
    return float(np.sqrt(np.mean((prediction - truth) ** 2)))


def build(units=UNITS, l2=L2, dtype="float32"):
    penalty = lambda: keras.regularizers.L2(l2)
    return keras.Sequential([
        keras.Input((None, 1), dtype=dtype, name="sunspots"),
        keras.layers.GRU(units, return_sequences=True, kernel_regularizer=penalty(), recurrent_regularizer=penalty(),
                         dtype=dtype, name="gru"),
        keras.layers.Dense(1, kernel_regularizer=penalty(), dtype=dtype, name="forecast"),
    ], name="sunspots_gru")


def compile_model(model, **arguments):
    # XLA is what TensorFlow and JAX share; the comparison is worth more without it.
    jit = not COMPARES or keras.backend.backend() == "jax"
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), "mse", jit_compile=jit, **arguments)
    return model


def only_batch(series):
    """The whole series as one sequence: inputs and targets, 1 x time x 1."""
    return np.float32(series[:-1]).reshape(1, -1, 1), np.float32(series[1:]).reshape(1, -1, 1)


def fresh(units, l2, seed):
    """The untrained model of that seed."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    return build(units, l2)


def train(series, units, l2, steps, seed, on_block=None):
    """Full-batch Adam: the whole series is one sequence, every step forecasts the next year from zero state on."""
    model = compile_model(fresh(units, l2, seed), steps_per_execution=BLOCK)
    inputs, targets = only_batch(series)
    data = tf.data.Dataset.from_tensors((inputs, targets)).repeat()
    report = [keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: on_block(model))] if on_block else []
    model.fit(data, epochs=steps // BLOCK, steps_per_epoch=BLOCK, verbose=0, shuffle=False, callbacks=report)
    return model


def train_recorded(model, series, x, fitted, scale):
    """STEPS updates on the one batch. Rows: loss before the update (penalties included), held-out RMSE after it."""
    rows = []

    def on_step(_, logs):
        forecast = model.predict_on_batch(np.float32(series[:-1]).reshape(1, -1, 1))[0, fitted - 1:, 0]
        rows.append((logs["loss"], rmse(denormalise(np.float64(forecast), scale), x[fitted:])))

    report = keras.callbacks.LambdaCallback(on_epoch_end=on_step)
    inputs, targets = only_batch(series[:fitted])
    compile_model(model).fit(inputs, targets, batch_size=1, epochs=STEPS, shuffle=False, verbose=0, callbacks=[report])
    return np.array(rows)


def run(model, series):
    """Keras's answers to the whole series: entry t is the forecast of series[t + 1]."""
    return keras.ops.convert_to_numpy(model(series.reshape(1, -1, 1), training=False))[0, :, 0]


def run_recursively(model, series, steps):
    """Every forecast, exactly as it came out, becomes the next input."""
    for _ in range(steps):
        series = np.append(series, run(model, series)[-1:])
    return series[-steps:]


def run_stateful(weights, series):
    """One year at a time through a stateful twin of the model, which carries the state itself."""
    twin = keras.Sequential([keras.Input(batch_shape=(1, 1, 1)),
                             keras.layers.GRU(weights[1].shape[0], return_sequences=True, stateful=True),
                             keras.layers.Dense(1)])
    twin.set_weights(weights)
    return np.array([run(twin, series[t:t + 1])[0] for t in range(len(series))])


def linear_model(z, fitted):
    """Least squares z[t] = c + sum a[k] z[t-k], k = 1..LAGS, on z[:fitted]; the row of time t forecasts z[t]."""
    rows = np.array([[1.0, *z[t - LAGS:t][::-1]] for t in range(LAGS, len(z))])
    coefficients = np.linalg.lstsq(rows[:fitted - LAGS], z[LAGS:fitted], rcond=None)[0]
    return np.concatenate([np.full(LAGS, np.nan), rows @ coefficients]), coefficients


def linear_recursively(z, coefficients, steps):
    z = list(z)
    for _ in range(steps):
        z.append(coefficients[0] + np.dot(coefficients[1:], z[:-LAGS - 1:-1]))
    return np.array(z[-steps:])


def baselines(x, fitted):
    """Forecasts of x[fitted:]: the year before, AR(9) on the numbers, AR(9) on the square-root scale of the GRU."""
    scale = x[:fitted].max()
    return {"persistence": x[fitted - 1:-1], "AR(9)": linear_model(x, fitted)[0][fitted:],
            "AR(9) on square roots": denormalise(linear_model(normalise(x, scale), fitted)[0], scale)[fitted:]}


def validate(year, x, units, l2):
    """Validation RMSE after every BLOCK training steps: rows are seeds; both spans pooled."""
    errors = []
    for fit_year, end_year in VALIDATION:
        x_span, fitted = x[year <= end_year], int(np.sum(year <= fit_year))
        scale = x_span[:fitted].max()
        series = normalise(x_span, scale)
        for seed in GRID_SEEDS:
            def on_block(model):
                forecast = denormalise(run(model, np.float32(series[:-1])), scale)[fitted - 1:]
                errors.append(rmse(forecast, x_span[fitted:]))
            train(series[:fitted], units, l2, GRID_STEPS, seed, on_block)
    spans = np.array(errors).reshape(len(VALIDATION), len(GRID_SEEDS), -1)
    return np.sqrt(np.mean(spans ** 2, axis=0)), spans


def search():
    year, x = read_sunspots()
    year, x = year[year <= LAST_TRAINING_YEAR], x[year <= LAST_TRAINING_YEAR]  # the held-out years are not even in memory
    rows = []
    for name in ("persistence", "AR(9)", "AR(9) on square roots"):
        spans = [rmse(baselines(x[year <= end], int(np.sum(year <= fit)))[name], x[(year > fit) & (year <= end)])
                 for fit, end in VALIDATION]
        print(f"{name:28s} validation RMSE {np.sqrt(np.mean(np.square(spans))):6.2f}   spans", np.round(spans, 2))
    for units in GRID_UNITS:
        for l2 in GRID_L2:
            pooled, spans = validate(year, x, units, l2)
            best = int(np.argmin(pooled.mean(axis=0)))
            rows.append((pooled.mean(axis=0)[best], units, l2, (best + 1) * BLOCK))
            print(f"GRU units {units:2d} l2 {l2:.0e} steps {(best + 1) * BLOCK:4d}  validation RMSE {rows[-1][0]:6.2f}   spans",
                  np.round(spans.mean(axis=1)[:, best], 2), "  seeds", np.round(pooled[:, best], 2), flush=True)
    print("best: validation RMSE %.2f, units %d, l2 %g, steps %d" % min(rows))


def spread():
    year, x = read_sunspots()
    fitted = int(np.sum(year <= LAST_TRAINING_YEAR))
    scale = x[:fitted].max()
    series = normalise(x, scale)
    errors = [rmse(denormalise(run(train(series[:fitted], UNITS, L2, STEPS, seed), np.float32(series[:-1])), scale)[fitted - 1:],
                   x[fitted:]) for seed in range(30)]
    print("held-out RMSE, seeds 0-29:", np.round(errors, 2), f"mean {np.mean(errors):.2f} worst {np.max(errors):.2f}")


def compare_backends():
    """The recorded training once more, from the same weights on another backend."""
    year, x = read_sunspots()
    fitted = int(np.sum(year <= LAST_TRAINING_YEAR))
    scale = x[:fitted].max()
    model = keras.models.load_model(os.path.join(HERE, "keras_initial.keras"))
    found = train_recorded(model, normalise(x, scale), x, fitted, scale)
    recorded = np.loadtxt(os.path.join(HERE, "keras_training.csv"), delimiter=",", skiprows=1)[:, 1:]
    apart = np.abs(found - recorded)
    print("backend", keras.backend.backend())
    for name, column, values in (("loss", apart[:, 0] / recorded[:, 0], found[:, 0]),
                                 ("held-out RMSE", apart[:, 1] / recorded[:, 1], found[:, 1])):
        print(f"{name}: {values[0]:.6f} to {values[-1]:.6f}; largest relative difference {column.max():.2e} "
              f"(step {column.argmax() + 1}), up to step 100 {column[:100].max():.2e}, at the end {column[-1]:.2e}")


def main():
    year, x = read_sunspots()
    fitted, held_out = int(np.sum(year <= LAST_TRAINING_YEAR)), x[year > LAST_TRAINING_YEAR]
    scale = x[:fitted].max()
    series = normalise(x, scale)

    model = fresh(UNITS, L2, SEED)
    model.save(os.path.join(HERE, "keras_initial.keras"))
    rows = train_recorded(model, series, x, fitted, scale)
    with open(os.path.join(HERE, "keras_training.csv"), "w") as file:
        file.write("STEP,LOSS,HELD_OUT_RMSE\n")
        for step, row in enumerate(rows, 1):
            file.write("%d,%.9g,%.9g\n" % (step, *row))
    trained = build()  # without an optimizer, so that its state is not in the file
    trained.set_weights(model.get_weights())
    trained.save(os.path.join(HERE, "sunspots.keras"))

    single = keras.models.load_model(os.path.join(HERE, "sunspots.keras"))
    double = build(dtype="float64")
    double.set_weights(single.get_weights())  # the same float32 weights, widened
    columns = []
    for model, inputs in ((single, np.float32(series)), (double, series)):
        columns += [run(model, inputs[:-1])[fitted - 1:], run_recursively(model, inputs[:fitted], len(held_out))]
    with open(os.path.join(HERE, "keras_forecast.csv"), "w") as file:
        file.write("YEAR,TRUTH,ONE_STEP_FLOAT32,RECURSIVE_FLOAT32,ONE_STEP_FLOAT64,RECURSIVE_FLOAT64\n")
        for row in zip(year[fitted:], series[fitted:], *columns):
            file.write("%d,%.17g,%.9g,%.9g,%.17g,%.17g\n" % row)

    one_step, recursive = (denormalise(np.float64(column), scale) for column in columns[:2])
    stepped = run_stateful(single.get_weights(), np.float32(series[:-1]))[fitted - 1:]
    print("scale", scale, "  weights", single.count_params())
    print("largest difference in normalised units: float32 to float64, one step %.2e, recursive %.2e; stepped to whole %.2e"
          % (np.abs(columns[0] - columns[2]).max(), np.abs(columns[1] - columns[3]).max(), np.abs(stepped - columns[0]).max()))
    root_ar = linear_recursively(series[:fitted], linear_model(series, fitted)[1], len(held_out))
    far = {"persistence": np.full_like(held_out, x[fitted - 1]),
           "AR(9)": linear_recursively(x[:fitted], linear_model(x, fitted)[1], len(held_out)),
           "AR(9) on square roots": denormalise(root_ar, scale), "GRU": recursive}
    print(f"{'held-out RMSE, sunspots':24s} one step  recursive")
    for name, near in {**baselines(x, fitted), "GRU": one_step}.items():
        print(f"{name:24s} {rmse(near, held_out):8.2f}   {rmse(far[name], held_out):8.2f}")


if __name__ == "__main__":
    modes = {"--search": search, "--spread": spread, "--compare": compare_backends}
    modes.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
