// One figure of the last fifteen minutes: a full line for stable, a dashed line for the candidate, a mark for every event. Two SVG
// paths, drawn once a second while the page is looked at.

import { commandTitle } from '../describe.js';
import { shareBetween } from '../estimate.js';
import { h, keyed, setAttr, setShown, setText, setVar, svg } from '../dom.js';
import { ago, duration, timeOfDay } from '../format.js';
import { WINDOW_MS } from '../series.js';

const WIDTH = 600;
const HEIGHT = 120;
// Room for the letter of a mark.
const LETTER_PERCENT = 4;
// Whoever hears the page is told so many moments, and not at each of them anew.
const HEARD_MOMENTS = 5;
const HEARD_MS = 5_000;
// The axis is shorter while little is known.
const SPANS_MS = [2, 5].map((minutes) => minutes * 60_000);

/**
 * `least` is the smallest top of the axis. `isShare`: behind each line is the band in which the true share is with 95 %, where it is known how
 * many requests a sample has. `update({series, marks, now, live, span})`; `span` in ms; 0: what is known of
 * 15 minutes.
 */
export function chart({ title, column, format, least, isShare = false, testid }) {
	const lines = { stable: path('stable'), candidate: path('candidate') };
	const bands = isShare ? { stable: band('stable'), candidate: band('candidate') } : {};
	const picture = svg(
		'svg',
		{ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		svg('line.chart-grid', { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
		...Object.values(bands),
		lines.stable,
		lines.candidate,
	);
	const top = h('span.chart-top');
	const markBox = h('div.chart-marks');
	const start = h('span');
	const cursor = h('div.chart-cursor', { hidden: true });
	const shortNote = h('p.chart-note', {}, 'nothing is known of before');
	const plot = h('div.chart-plot', { 'aria-hidden': 'true' }, picture, top, markBox, shortNote, cursor);
	const heard = heardTable(title, testid);
	const readout = { when: h('span'), stable: h('b.ink-stable'), candidate: h('b.ink-candidate') };
	const element = h(
		'figure.panel.chart',
		{ testid },
		h(
			'figcaption',
			{},
			h('span.panel-title', {}, title),
			h('span.chart-now.live-value', {}, '■\u00a0', readout.stable, ' ◆\u00a0', readout.candidate),
		),
		plot,
		h('p.chart-axis', {}, start, readout.when, h('span', {}, 'now')),
		heard.element,
	);

	let last = null;
	let pointer = null;
	const followPointer = (event) => {
		const box = plot.getBoundingClientRect();
		pointer = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
		if (last) draw(last);
	};
	plot.addEventListener('pointermove', followPointer);
	plot.addEventListener('pointerdown', followPointer);
	plot.addEventListener('pointerleave', () => {
		pointer = null;
		if (last) draw(last);
	});

	function draw({ series, marks, now, live, span: wanted = 0 }) {
		const began = series?.length ? series.timeAt(0) : now;
		const span = wanted || (SPANS_MS.find((each) => now - began < each) ?? WINDOW_MS);
		const from = now - span;
		setText(start, `${duration(span / 1000)} ago`);
		const first = series ? series.firstSince(from) : 0;
		const highest = roundTop(Math.max(least, findLargest(series, column, first)));
		setText(top, format(highest));
		for (const [track, line] of Object.entries(lines))
			setAttr(line, 'd', tracePath(series, track, column, first, from, now, highest, live));
		for (const [track, shape] of Object.entries(bands)) setAttr(shape, 'd', bandPath(series, track, column, first, from, now, highest));
		keyed(
			markBox,
			marks.filter((mark) => mark.at >= from && mark.at <= now),
			(mark) => mark.seq,
			buildMark,
		);
		setShown(shortNote, now - began < span / 2);
		placeMarks(markBox.children, (at) => (100 * (at - from)) / span);
		showReadout(series, from, now, live);
		heard.update(now, span, (track, at) => format(valueAt(series, track, column, at)));
	}

	function showReadout(series, from, now, live) {
		const at = pointer === null ? now : from + pointer * (now - from);
		cursor.hidden = pointer === null;
		if (pointer !== null) setVar(cursor, '--at', `${pointer * 100}%`);
		setText(readout.when, pointer === null ? '' : `${timeOfDay(at)}, ${ago(at, now)}`);
		const index = indexAt(series, at);
		for (const track of ['stable', 'candidate']) {
			const value = index < 0 || (pointer === null && !live) ? NaN : series.value(index, track, column);
			setText(readout[track], format(value));
		}
	}

	return {
		element,
		update(view) {
			last = view;
			draw(view);
		},
	};
}

const valueAt = (series, track, column, at) => {
	const index = indexAt(series, at);
	return index < 0 ? NaN : series.value(index, track, column);
};

// The same as a table, for whoever hears the page. `read(track, at)` gives a value in words.
function heardTable(title, testid) {
	const rows = Array.from({ length: HEARD_MOMENTS }, () => {
		const cells = { when: h('th', { scope: 'row' }), stable: h('td'), candidate: h('td') };
		return { cells, element: h('tr', {}, Object.values(cells)) };
	});
	const heads = [title, 'Stable', 'Candidate'].map((name) => h('th', { scope: 'col' }, name));
	const body = rows.map(({ element }) => element);
	let [saidAt, saidSpan] = [0, 0];
	return {
		element: h('table.only-heard', { testid: `${testid}-table` }, h('thead', {}, h('tr', {}, heads)), h('tbody', {}, body)),
		update(now, span, read) {
			if (span === saidSpan && now - saidAt < HEARD_MS) return;
			[saidAt, saidSpan] = [now, span];
			rows.forEach(({ cells }, row) => {
				const back = (span * (HEARD_MOMENTS - 1 - row)) / (HEARD_MOMENTS - 1);
				setText(cells.when, back ? `${duration(back / 1000)} ago` : 'now');
				for (const track of ['stable', 'candidate']) setText(cells[track], read(track, now - back));
			});
		},
	};
}

// Places are in percent of the width. A mark that is too close to the one before keeps its line and loses its letter.
function placeMarks(marks, place) {
	let taken = -Infinity;
	for (const mark of marks) {
		const at = place(Number(mark.dataset.at));
		setVar(mark, '--at', `${at}%`);
		mark.classList.toggle('is-close', at - taken < LETTER_PERCENT);
		if (at - taken >= LETTER_PERCENT) taken = at;
	}
}

const path = (track) => svg('path', { class: `chart-line line-${track}`, 'vector-effect': 'non-scaling-stroke' });

const band = (track) => svg('path', { class: `chart-band band-${track}` });

function buildMark() {
	const element = h('span.chart-mark');
	return {
		element,
		update(mark) {
			setAttr(element, 'data-at', mark.at);
			setAttr(
				element,
				'title',
				`${mark.seq} ${commandTitle(mark.command)}, ${mark.actor ?? ''}, ${timeOfDay(mark.at)}${mark.reason ? `: ${mark.reason}` : ''}`,
			);
			setText(element, commandTitle(mark.command).charAt(0));
		},
	};
}

function findLargest(series, column, first) {
	let most = 0;
	for (let index = first; series && index < series.length; index += 1) {
		most = Math.max(most, series.value(index, 'stable', column) || 0, series.value(index, 'candidate', column) || 0);
	}
	return most;
}

function roundTop(value) {
	const power = 10 ** Math.floor(Math.log10(value));
	return [1, 2, 5, 10].find((step) => step * power >= value * 0.999999) * power;
}

function indexAt(series, at) {
	if (!series) return -1;
	for (let index = series.length - 1; index >= 0; index -= 1) if (series.timeAt(index) <= at) return index;
	return -1;
}

// One box for each sample, since a sample is of a span of its own.
function bandPath(series, track, column, first, from, now, highest) {
	const x = (at) => ((WIDTH * (Math.max(from, at) - from)) / (now - from)).toFixed(1);
	const y = (value) => (HEIGHT - 2 - (HEIGHT - 6) * Math.min(1, value / highest)).toFixed(1);
	let d = '';
	for (let index = first; series && index < series.length; index += 1) {
		const requests = series.value(index, track, 'requests');
		const between = shareBetween(series.value(index, track, column) * requests, requests);
		if (!between) continue;
		const until = index === series.length - 1 ? now : series.timeAt(index + 1);
		d += `M${x(series.timeAt(index))} ${y(between[0])}V${y(between[1])}H${x(until)}V${y(between[0])}Z`;
	}
	return d || null;
}

// A value holds until the next sample: the router is silent while nothing changes.
function tracePath(series, track, column, first, from, now, highest, live) {
	let d = '';
	let drawing = false;
	const x = (at) => ((WIDTH * (at - from)) / (now - from)).toFixed(1);
	for (let index = first; series && index < series.length; index += 1) {
		const value = series.value(index, track, column);
		if (Number.isNaN(value)) {
			drawing = false;
			continue;
		}
		const y = (HEIGHT - 2 - (HEIGHT - 6) * Math.min(1, value / highest)).toFixed(1);
		const at = Math.max(from, series.timeAt(index));
		d += `${drawing ? 'L' : 'M'}${x(at)} ${y}`;
		drawing = true;
		const isLast = index === series.length - 1;
		const until = isLast ? (live ? now : at) : series.timeAt(index + 1);
		if (isLast || until - at > 3000) d += `H${x(Math.max(until, from))}`;
	}
	return d || null;
}
