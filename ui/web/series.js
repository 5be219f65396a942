// The figures of an app over time, in a ring of fixed size: a page that is open for days needs no more memory.

export const COLUMNS = ['rate', 'errors', 'p50', 'p95', 'p99', 'requests'];
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

	/**
	 * Adds the activity of both tracks at a time (Unix ms). One that is too close to the last sample, or to a gap, takes its place: what
	 * does not change is sent once, so the newest must not be lost. One of before the last sample is left out.
	 */
	push(at, stable, candidate) {
		const last = this.length ? this.timeAt(this.length - 1) : -Infinity;
		if (at < last) return;
		const values = [...readFigures(stable), ...readFigures(candidate)];
		if (at < last + SPACING_MS) this.put(this.length - 1, last, values);
		else this.write(at, values);
	}

	/** Puts samples `{at, stable, candidate}` of activity before the first one, oldest first; those that are not earlier are left out. */
	prepend(samples) {
		const first = this.length ? this.timeAt(0) : Infinity;
		const kept = Array.from({ length: this.length }, (_, at) => {
			const slot = ((this.start + at) % this.capacity) * WIDTH;
			return [this.data[slot], [...this.data.subarray(slot + 1, slot + WIDTH)]];
		});
		const before = samples.filter(({ at }) => at < first - SPACING_MS).slice(-(this.capacity - kept.length));
		[this.length, this.start] = [0, 0];
		for (const { at, stable, candidate } of before) this.write(at, [...readFigures(stable), ...readFigures(candidate)]);
		for (const [at, values] of kept) this.write(at, values);
	}

	/** Marks that nothing is known from this time on, so that no line is drawn across a lost connection. */
	addGap(at) {
		if (this.length === 0 || Number.isNaN(this.value(this.length - 1, 'stable', 'rate'))) return;
		this.write(Math.max(at, this.timeAt(this.length - 1)), new Array(WIDTH - 1).fill(NaN));
	}

	put(index, at, values) {
		this.data.set([at, ...values], ((this.start + index) % this.capacity) * WIDTH);
	}

	write(at, values) {
		this.put(this.length, at, values);
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
	if (!activity) return COLUMNS.map(() => NaN);
	const { requests_per_second, error_share, p50_ms, p95_ms, p99_ms, requests } = activity;
	return [requests_per_second, error_share, p50_ms, p95_ms, p99_ms, requests].map(read);
}
