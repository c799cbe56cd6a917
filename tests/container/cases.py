#!/usr/bin/env python3
"""Runs the container suite's cases, the modules case_*.py beside this file, as the guests' cases are run; see there."""
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'guest/cases')]

import pod  # noqa: E402
import run  # noqa: E402

if __name__ == '__main__':
    # Who is started in the background by bash ignores these, and would have tazpod do so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    run.HERE = HERE
    run.lab.begin, run.lab.diagnostics = pod.begin, pod.diagnostics
    sys.exit(0 if run.main() else 1)
