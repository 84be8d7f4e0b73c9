"""What the row `lwma` of crates/lab/validation/laws.toml expects, computed without forkful.

    venv/bin/python crates/lab/check/lwma.py

Plays the rule in floating point, with exponential solve times, on chains by the thousand: the
target is the mean target of the last N blocks times the linearly weighted mean of their solve
times, each of which counts as six intervals at most. The hash rate doubles at height 1000.

It also computes the mean to second order. With a target of 1 + u(n) and a solve time of
(1 + e(n)) / (1 + u(n)), the rule is, to first order,

    u(n+1) = mean of u over the window + weighted mean of (e - u) over the window,

and the mean solve time is 1 - C to second order, C being the mean of the product of the two
terms on the right. A solve time that counts as six at most lowers the mean of what is counted
by exp(-6), which the rule makes up for.
"""

import math

import numpy

WINDOW = 60
INTERVAL = 600.0
CAP = 6.0
DOUBLES_AT = 1000
SPANS = [(200, 1000), (1120, 1240), (1200, 2000)]
CHAINS, BATCHES = 4000, 100


def second_order():
    """The mean solve time in intervals, by what one luck does to all targets after it."""
    weights = [2 * (place + 1) / (WINDOW * (WINDOW + 1)) for place in range(WINDOW)]
    steps = 30 * WINDOW
    targets = numpy.zeros(steps)
    product = 0.0
    for block in range(1, steps):
        mean = weighted = 0.0
        for place, weight in enumerate(weights):
            other = block - WINDOW + place
            if other >= 0:
                mean += targets[other] / WINDOW
                weighted += weight * ((other == 0) - targets[other])
        targets[block] = mean + weighted
        product += mean * weighted
    return 1 - product + math.exp(-CAP)


def play(random):
    """The mean interval of each chain over each span, in seconds."""
    shape = (WINDOW, CHAINS)
    solvetimes, window = numpy.zeros(shape), numpy.ones(shape)
    weights = numpy.arange(1, WINDOW + 1)
    target, time, times = numpy.ones(CHAINS), numpy.zeros(CHAINS), {0: numpy.zeros(CHAINS)}
    rate = 1.0
    for height in range(1, SPANS[-1][1] + 1):
        solvetime = random.exponential(size=CHAINS) / (target * rate)
        time = time + solvetime
        times[height] = time
        if height == DOUBLES_AT:
            rate = 2.0
        place = height % WINDOW
        solvetimes[place], window[place] = numpy.minimum(solvetime, CAP), target
        if height > WINDOW:
            # The newest has the place `height`, and the weight N.
            ages = (numpy.arange(WINDOW) - place - 1) % WINDOW
            weighted = weights[ages] @ solvetimes / weights.sum()
            target = window.mean(axis=0) * weighted
    return [(times[to] - times[start]) / (to - start) * INTERVAL for start, to in SPANS]


def main():
    print(f"second order: {INTERVAL * second_order():.2f} s")
    random = numpy.random.default_rng(1)
    batches = [play(random) for _ in range(BATCHES)]
    for place, (start, to) in enumerate(SPANS):
        values = numpy.concatenate([batch[place] for batch in batches])
        half = 1.96 * values.std() / math.sqrt(len(values))
        print(f"heights {start} to {to}: {values.mean():.3f} ± {half:.3f} s, sd {values.std():.2f}")


main()
