// Every change of an app that is kept, newest first, with what exactly changed; filtered while the reader types.

import { commandTitle, describeChanges } from '../describe.js';
import { h, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { appLinks } from '../components/app-links.js';
import { historyList } from '../components/history-list.js';
import { button, errorLine, pageHead } from '../components/controls.js';
import { findBox } from '../components/find-box.js';

const PAGE = 50;

export function historyPage({ api, model, actions, params }) {
	const name = params.app;
	const find = findBox({ label: 'Filter by what, who or why', testid: 'history-filter', value: params.find, onChange: () => redraw() });
	const what = valueFilter('Every change', 'What', 'history-what', () => redraw());
	const who = valueFilter('By anybody', 'Who', 'history-who', () => redraw());
	const count = h('p.quiet', { role: 'status', testid: 'history-count' });
	const list = historyList({ rollback: (id) => actions.rollback(name, id), details: true });
	const more = button('Load older changes', { testid: 'history-more', run: () => load(next) });
	const error = errorLine();
	let events = [];
	let next = null;
	let newest = null;

	async function load(before) {
		try {
			const page = await api.getHistory(name, { limit: PAGE, before });
			const known = new Set(events.map((event) => event.seq));
			events = [...events, ...page.events.filter((event) => !known.has(event.seq))].sort((a, b) => b.seq - a.seq);
			if (before || next === null) next = page.next;
			what.addValues(events.map((event) => [event.command, commandTitle(event.command)]));
			who.addValues(events.map((event) => [event.actor, event.actor]));
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		redraw();
	}

	function redraw() {
		const shown = events.filter(
			(event) =>
				what.allows(event.command) &&
				who.allows(event.actor) &&
				find.matches([event.seq, commandTitle(event.command), describeChanges(event.changed, name), event.actor, event.reason].join(' ')),
		);
		list.update({ events: shown, state: model.app(name), now: Date.now(), disabledReason: model.readOnlyReason() });
		setText(
			count,
			shown.length < events.length
				? `${shown.length} of ${plural(events.length, 'change')} loaded`
				: `${plural(events.length, 'change')} loaded`,
		);
		setShown(more, next !== null);
	}

	return {
		element: h(
			'div',
			{},
			pageHead(`History of ${name}`, appLinks(name, 'history')),
			h('div.filters', {}, find.element, what.element, who.element),
			count,
			error,
			h('section.panel', {}, list.element, h('p.centred', {}, more)),
		),
		title: `History of ${name}`,
		stream: name,
		update() {
			const seq = model.app(name)?.seq;
			if (seq !== undefined && seq !== newest) {
				newest = seq;
				load();
			} else redraw();
		},
	};
}

// A filter by one of the values that were loaded so far. What is chosen stays chosen.
function valueFilter(all, label, testid, onChange) {
	const element = h('select.input', { 'aria-label': label, testid, on: { change: onChange } }, h('option', { value: '' }, all));
	const known = new Set();
	return {
		element,
		allows: (value) => element.value === '' || element.value === value,
		addValues(pairs) {
			for (const [value, words] of pairs) {
				if (!value || known.has(value)) continue;
				known.add(value);
				element.append(h('option', { value }, words));
			}
		},
	};
}
