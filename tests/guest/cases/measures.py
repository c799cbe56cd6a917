"""What workloads.py measures, gathered and told: each number is a median, beside its ratio to that of one peer."""
import statistics

# name: (what it is, unit, digits shown); what takes seconds is better when less, all else when more
MEASURES = {
    'write': ('sequential write, then fsync', 'MB/s', 0),
    'read': ('sequential read, cold', 'MB/s', 0),
    'random_read': ('4 KiB random read, cold', 'IOPS', 0),
    'random_write': ('4 KiB random write, fsync after each', 'IOPS', 0),
    'untar': ('untar of {files} files, then sync', 's', 2),
    'delete': ('their deletion, then sync', 's', 2),
    'status_cold': ('`git status` of {files} files, cold', 's', 2),
    'status_warm': ('the same again, warm', 's', 3),
}


def takes_time(measure):
    return MEASURES[measure][1] == 's'


class Results:
    """files: how many the tree has. shares: names of those that were given a part of the work, and how much."""

    def __init__(self, files, shares=None):
        self.files, self.shares = files, shares or {}
        self.values = {}

    def add(self, name, values):
        for measure, value in values.items():
            self.values.setdefault((name, measure), []).append(value)

    def median(self, name, measure):
        """None where there is none. A part of the files took its part of the time."""
        values = self.values.get((name, measure))
        if not values:
            return None
        return statistics.median(values) / (self.shares.get(name, 1) if takes_time(measure) else 1)

    def title(self, measure):
        what, unit, _ = MEASURES[measure]
        return f'{what.format(files=f"{self.files:,}")}, {unit}'

    def cell(self, name, peer, measure):
        value, base = self.median(name, measure), self.median(peer, measure)
        if value is None:
            return '-'
        text = f'{value:,.{MEASURES[measure][2]}f}'
        if name == peer or not base:
            return text
        ratio = value / base
        return f'{text} ({ratio:.2g})' if ratio < 0.1 else f'{text} ({ratio:.2f})'

    def measured(self):
        return [measure for measure in MEASURES if any(key[1] == measure for key in self.values)]

    def lines(self, names, peer):
        """One line a measure."""
        for measure in self.measured():
            yield (f'{self.title(measure)}, and the ratio to {peer}: '
                   + ', '.join(f'{name} {self.cell(name, peer, measure)}' for name in names))

    def all_values(self):
        """One line for each number: what its median is made of."""
        for key, values in self.values.items():
            yield f'{" ".join(key)}: {" ".join(f"{value:.4g}" for value in values)}'

    def table(self, names, peer):
        """In Markdown."""
        rows = [('', *(f'`{name}`' for name in names)), ('---', *('---:' for _ in names))]
        rows += [(self.title(measure), *(self.cell(name, peer, measure) for name in names)) for measure in self.measured()]
        return ''.join(f'| {" | ".join(row)} |\n' for row in rows)
