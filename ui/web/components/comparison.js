// Stable and candidate beside each other: one row for each figure, with the difference and its last fifteen minutes.

import { h, setAttr, setText, svg } from '../dom.js';
import { UNKNOWN, count, millis, rate, share } from '../format.js';
import { releaseName } from '../release.js';
import { WINDOW_MS } from '../series.js';

const WIDTH = 120;
const HEIGHT = 24;
// From which share of errors a figure is amber, and from which red: what a reader should look at, and what harms.
const ERRORS = [0.005, 0.02];

const signed = (n, format) => `${n === 0 ? '±' : n < 0 ? '−' : '+'}${format(Math.abs(n))}`;
const signedRatio = (a, b) => (a > 0 ? `${signed(Math.round((100 * (b - a)) / a), String)}\u00a0%` : '');
const points = (n) => `${signed(Math.round(n * 10_000) / 100, (value) => value.toLocaleString())}\u00a0points`;

// `read` gives a figure of an activity, `column` is its name in the series, `differ` puts the difference into words; `worse` is whether more
// is worse.
const ROWS = [
	{ key: 'requests', label: 'Requests', read: (a) => a.requests_per_second, format: rate, column: 'rate', differ: () => '' },
	{
		key: 'errors',
		label: 'Errors',
		read: (a) => a.error_share,
		format: share,
		column: 'errors',
		differ: (a, b) => points(b - a),
		worse: true,
	},
	{ key: 'p50', label: 'p50', read: (a) => a.p50_ms, format: millis, column: 'p50', differ: (a, b) => signedRatio(a, b), slower: true },
	{ key: 'p95', label: 'p95', read: (a) => a.p95_ms, format: millis, column: 'p95', differ: (a, b) => signedRatio(a, b), slower: true },
	{ key: 'p99', label: 'p99', read: (a) => a.p99_ms, format: millis, column: 'p99', differ: (a, b) => signedRatio(a, b), slower: true },
	{
		key: 'first-byte',
		label: 'First byte',
		read: (a) => a.first_byte_p50_ms,
		format: millis,
		differ: (a, b) => signedRatio(a, b),
		slower: true,
	},
	{
		key: 'clients',
		label: 'Clients',
		hint: 'Distinct clients whose pins came back in the last minutes',
		read: (a) => a.pinned,
		format: count,
		differ: () => '',
	},
	{ key: 'sockets', label: 'Open sockets', read: (a) => a.open_sockets, format: count, differ: () => '' },
];

/** `update({stable, candidate, series, now, live})`. */
export function comparisonTable() {
	const heads = { stable: h('span.mono.compare-name'), candidate: h('span.mono.compare-name') };
	const rows = ROWS.map(buildRow);
	const element = h(
		'section.panel.compare',
		{ 'aria-labelledby': 'compare-title' },
		h('h2.panel-title', { id: 'compare-title' }, 'Stable and candidate'),
		h(
			'table',
			{ testid: 'comparison' },
			h(
				'thead',
				{},
				h(
					'tr',
					{},
					h('th', { scope: 'col' }, h('span.only-heard', {}, 'Figure')),
					h('th.ink-stable', { scope: 'col' }, '■\u00a0Stable ', heads.stable),
					h('th.ink-candidate', { scope: 'col' }, '◆\u00a0Candidate ', heads.candidate),
					h('th.compare-difference', { scope: 'col' }, 'Difference'),
					h('th.compare-spark', { scope: 'col' }, 'Last 15 minutes'),
				),
			),
			h(
				'tbody',
				{},
				rows.map((row) => row.element),
			),
		),
	);
	return {
		element,
		update(view) {
			setText(heads.stable, releaseName(view.stable));
			setText(heads.candidate, releaseName(view.candidate));
			element.classList.toggle('has-no-candidate', !view.candidate);
			rows.forEach((row) => row.update(view));
		},
	};
}

function buildRow({ key, label, hint, read, format, column, differ, worse, slower }) {
	const cells = { stable: h('td.live-value', { testid: `stable-${key}` }), candidate: h('td.live-value', { testid: `candidate-${key}` }) };
	const difference = h('td.compare-difference', { testid: `difference-${key}` });
	const lines = {
		stable: svg('path', { class: 'chart-line line-stable' }),
		candidate: svg('path', { class: 'chart-line line-candidate' }),
	};
	const spark = svg(
		'svg',
		{ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		lines.stable,
		lines.candidate,
	);
	return {
		element: h(
			'tr',
			{},
			h('th', { scope: 'row', title: hint }, label),
			cells.stable,
			cells.candidate,
			difference,
			h('td.compare-spark', {}, column ? spark : null),
		),
		update(view) {
			const [a, b] = [view.stable, view.candidate].map((release) => (release?.activity ? read(release.activity) : undefined));
			setText(cells.stable, view.stable ? format(a) : UNKNOWN);
			setText(cells.candidate, view.candidate ? format(b) : UNKNOWN);
			const known = typeof a === 'number' && typeof b === 'number';
			setText(difference, known ? differ(a, b) : '');
			setAttr(difference, 'data-tone', known ? toneOf(a, b, { worse, slower }) : null);
			if (worse)
				for (const [track, value] of [
					['stable', a],
					['candidate', b],
				])
					setAttr(cells[track], 'data-tone', errorTone(value));
			if (column) drawSpark(lines, view, column);
		},
	};
}

const errorTone = (value) => (value >= ERRORS[1] ? 'bad' : value >= ERRORS[0] ? 'warn' : null);

// A difference is coloured when a person would act on it: errors by points, times when half as long again and to be felt.
function toneOf(a, b, { worse, slower }) {
	if (worse) return errorTone(b - a);
	if (slower) return b > a * 1.5 && b - a > 10 ? 'warn' : null;
	return null;
}

function drawSpark(lines, { series, now, live }, column) {
	const from = now - WINDOW_MS;
	const first = series ? series.firstSince(from) : 0;
	let highest = 0;
	for (let at = first; series && at < series.length; at += 1)
		for (const track of Object.keys(lines)) highest = Math.max(highest, series.value(at, track, column) || 0);
	for (const [track, line] of Object.entries(lines))
		setAttr(line, 'd', sparkPath(series, track, column, { first, from, now, highest: highest || 1, live }));
}

// One point for each step that can be told apart; what lies between is the largest of it.
function sparkPath(series, track, column, { first, from, now, highest, live }) {
	let d = '';
	let drawing = false;
	let place = -1;
	let most = 0;
	const put = () => {
		d += `${drawing ? 'L' : 'M'}${place} ${(HEIGHT - 1 - (HEIGHT - 3) * Math.min(1, most / highest)).toFixed(1)}`;
		drawing = true;
	};
	for (let at = first; series && at < series.length; at += 1) {
		const value = series.value(at, track, column);
		const x = Math.max(0, Math.round((WIDTH * (series.timeAt(at) - from)) / (now - from)));
		if (place >= 0 && (x !== place || Number.isNaN(value))) {
			put();
			place = -1;
			most = 0;
		}
		if (Number.isNaN(value)) drawing = false;
		else [place, most] = [x, Math.max(most, value)];
	}
	if (place >= 0) {
		put();
		if (live) d += `H${WIDTH}`;
	}
	return d || null;
}
