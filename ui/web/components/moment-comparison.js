// Two moments of an app, chosen from its history, and what differs between them.

import { commandTitle } from '../describe.js';
import { freshId, h, keyed, setAttr, setText } from '../dom.js';
import { timeOfDay } from '../format.js';
import { describeMoment, differenceOf } from '../history-diff.js';
import { diffList } from './diff-list.js';
import { eventKey } from './history-list.js';

/** `update({events, app})`: the events that are loaded, the newest first. `compare(event)` shows what differs between it and the newest. */
export function momentComparison() {
	const from = moments('From', 'compare-from', () => draw());
	const to = moments('To', 'compare-to', () => draw());
	const heading = h('summary', {}, 'Compare two moments');
	const place = h('div', { 'aria-live': 'polite', testid: 'compare-difference' });
	const element = h(
		'details.panel.compare-moments',
		{ testid: 'history-compare' },
		heading,
		h('div.filters', {}, from.element, to.element),
		place,
	);
	let view = { events: [], app: '' };
	let drawn = null;

	// Whoever takes the later moment first means the same.
	function draw() {
		const [one, other] = [from, to].map((each) => view.events.findIndex((event) => eventKey(event) === each.chosen()));
		if (one < 0 || other < 0 || !element.open) return;
		const between = view.events.slice(Math.min(one, other), Math.max(one, other));
		const key = `${from.chosen()} ${to.chosen()} ${JSON.stringify(between.map(({ changed }) => changed))}`;
		if (key === drawn) return;
		drawn = key;
		place.replaceChildren(diffList(differenceOf(between, view.app), 'Nothing differs between them.'));
	}

	element.addEventListener('toggle', draw);
	return {
		element,
		update(next) {
			view = next;
			from.update(view, view.events.at(-1));
			to.update(view, view.events[0]);
			draw();
		},
		compare(event) {
			from.choose(eventKey(event));
			to.choose(eventKey(view.events[0]));
			element.open = true;
			draw();
			heading.focus();
		},
	};
}

// A list of moments. Until the reader chooses one it is `first`.
function moments(label, testid, onChange) {
	const select = h('select.input', { id: freshId('moment'), testid });
	let isChosen = false;
	select.addEventListener('change', () => {
		isChosen = true;
		onChange();
	});
	return {
		element: h('div.field', {}, h('label', { for: select.id }, label), select),
		chosen: () => select.value,
		choose(key) {
			isChosen = true;
			select.value = key;
		},
		update({ events, app }, first) {
			keyed(select, events, eventKey, () => option(app));
			if (!isChosen && first) select.value = eventKey(first);
		},
	};
}

function option(app) {
	const element = h('option');
	return {
		element,
		update(event) {
			setAttr(element, 'value', eventKey(event));
			setText(element, `${describeMoment(event, commandTitle(event.command), app)} · ${timeOfDay(event.at)}`);
		},
	};
}
