// How long answers took, as far back as the charts go: for each release the share of its answers that took so long, on a scale of doublings. A full
// line for stable, a dashed one for the candidate. Whoever hears the page hears a table of the shares below plain limits.

import { h, setAttr, setShown, setText, svg } from '../dom.js';
import { millis, share } from '../format.js';

const WIDTH = 600;
const HEIGHT = 120;
// Four buckets are a doubling, which is coarse enough for a picture.
const LEAST_MS = 1;
const LIMITS_MS = [10, 100, 1000];

/** `update({stable, candidate})`: `latency` of the past of each release, or null. */
export function latencyHistogram() {
	const lines = { stable: line('stable'), candidate: line('candidate') };
	const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' }, lines.stable, lines.candidate);
	const top = h('span.chart-top');
	const none = h('p.chart-note', {}, 'counted once a minute');
	const [least, most] = [h('span'), h('span')];
	const cells = Object.fromEntries(['stable', 'candidate'].map((track) => [track, LIMITS_MS.map(() => h('td'))]));
	const element = h(
		'figure.panel.chart',
		{ testid: 'chart-latency' },
		h('figcaption', {}, h('span.panel-title', {}, 'Time to answer'), h('span.chart-now', {}, 'share of answers')),
		h('div.chart-plot', { 'aria-hidden': 'true' }, picture, top, none),
		h('p.chart-axis', { 'aria-hidden': 'true' }, least, most),
		h(
			'table.only-heard',
			{ testid: 'latency-table' },
			h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Answers within'), LIMITS_MS.map((ms) => h('th', { scope: 'col' }, millis(ms))))),
			h(
				'tbody',
				{},
				['stable', 'candidate'].map((track) => h('tr', {}, h('th', { scope: 'row' }, track), cells[track])),
			),
		),
	);

	return {
		element,
		update(latency) {
			const known = Object.entries(latency).filter(([, buckets]) => buckets?.length);
			const bounds = known.flatMap(([, buckets]) => buckets.map(({ up_to_ms: ms }) => Math.max(LEAST_MS, ms)));
			const [from, to] = [Math.log2(Math.min(...bounds)) - 0.25, Math.log2(Math.max(...bounds)) + 0.25];
			const shares = Object.fromEntries(known.map(([track, buckets]) => [track, sharesOf(buckets)]));
			const highest = Math.max(0, ...Object.values(shares).flatMap((of) => of.map(([, part]) => part)));
			setShown(none, known.length === 0);
			setText(top, known.length ? share(highest) : '');
			setText(least, known.length ? millis(2 ** from) : '');
			setText(most, known.length ? millis(2 ** to) : '');
			for (const track of ['stable', 'candidate']) {
				setAttr(lines[track], 'd', shares[track] ? outline(shares[track], from, to, highest) : null);
				LIMITS_MS.forEach((limit, at) => setText(cells[track][at], share(within(latency[track], limit))));
			}
		},
	};
}

const line = (track) => svg('path', { class: `chart-line line-${track}`, 'vector-effect': 'non-scaling-stroke' });

// `[bound, share]` of each bucket, those below the least in one.
function sharesOf(buckets) {
	const all = buckets.reduce((sum, { answers }) => sum + answers, 0);
	const byBound = new Map();
	for (const { up_to_ms: ms, answers } of buckets) {
		const bound = Math.max(LEAST_MS, ms);
		byBound.set(bound, (byBound.get(bound) ?? 0) + answers / all);
	}
	return [...byBound].sort(([a], [b]) => a - b);
}

function within(buckets, limit) {
	if (!buckets?.length) return NaN;
	const count = (some) => some.reduce((sum, { answers }) => sum + answers, 0);
	return count(buckets.filter(({ up_to_ms: ms }) => ms <= limit)) / count(buckets);
}

// Steps: a bucket reaches a quarter of a doubling below its bound.
function outline(shares, from, to, highest) {
	const x = (bound) => ((WIDTH * (bound - from)) / (to - from)).toFixed(1);
	const y = (part) => (HEIGHT - 2 - (HEIGHT - 6) * (part / highest)).toFixed(1);
	return shares.map(([bound, part]) => `M${x(Math.log2(bound) - 0.25)} ${y(0)}V${y(part)}H${x(Math.log2(bound))}V${y(0)}`).join('');
}
