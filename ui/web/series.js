// The last fifteen minutes of an app's figures, in a ring of fixed size: a page that is open for days needs no more memory.

export const COLUMNS = ['rate', 'errors', 'p95'];
export const WINDOW_MS = 15 * 60 * 1000;
// One sample a second for the window, and as many again for a router that sends faster.
const CAPACITY = 1800;
// Samples that are closer cannot be told apart in a chart. A burst of changes must not push the past out of the ring.
const SPACING_MS = 400;
const WIDTH = 1 + 2 * COLUMNS.length;

export class Series {
	constructor(capacity = CAPACITY) {
		this.capacity = capacity;
		this.data = new Float64Array(capacity * WIDTH);
		this.length = 0;
		this.start = 0;
	}

	/** Adds the activity of both tracks at a time (Unix ms), unless the last sample is later or too close. */
	push(at, stable, candidate) {
		if (this.length > 0 && at < this.timeAt(this.length - 1) + SPACING_MS) return;
		this.write(at, [...readFigures(stable), ...readFigures(candidate)]);
	}

	/** Marks that nothing is known from this time on, so that no line is drawn across a lost connection. */
	addGap(at) {
		if (this.length === 0 || Number.isNaN(this.value(this.length - 1, 'stable', 'rate'))) return;
		this.write(Math.max(at, this.timeAt(this.length - 1)), new Array(WIDTH - 1).fill(NaN));
	}

	write(at, values) {
		const slot = ((this.start + this.length) % this.capacity) * WIDTH;
		this.data[slot] = at;
		values.forEach((value, column) => {
			this.data[slot + 1 + column] = value;
		});
		if (this.length < this.capacity) this.length += 1;
		else this.start = (this.start + 1) % this.capacity;
	}

	timeAt(index) {
		return this.data[((this.start + index) % this.capacity) * WIDTH];
	}

	/** One figure of sample `index`: NaN where it is not known. */
	value(index, track, column) {
		const offset = 1 + (track === 'candidate' ? COLUMNS.length : 0) + COLUMNS.indexOf(column);
		return this.data[((this.start + index) % this.capacity) * WIDTH + offset];
	}

	/** The index of the last sample before `since`, so that lines enter at the edge. */
	firstSince(since) {
		let low = 0;
		let high = this.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.timeAt(middle) < since) low = middle + 1;
			else high = middle;
		}
		return Math.max(0, low - 1);
	}
}

function readFigures(activity) {
	const read = (n) => (typeof n === 'number' ? n : NaN);
	if (!activity) return [NaN, NaN, NaN];
	return [read(activity.requests_per_second), read(activity.error_share), read(activity.p95_ms)];
}
